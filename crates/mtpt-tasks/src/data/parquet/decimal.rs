use crate::data::parquet::meaning::Physical;

/// Maximum number of bytes of a decimal, which suffice for 76 digits.
const MAX_BYTES: usize = 32;
/// Maximum number of digits after the point of a decimal.
const MAX_SCALE: usize = 76;

/// Returns the digits of a decimal: an integer divided by a power of ten.
pub(super) fn decimal(physical: Physical, bytes: &[u8], scale: Option<i32>) -> Option<String> {
    let scale = usize::try_from(scale.unwrap_or(0)).ok().filter(|&scale| scale <= MAX_SCALE)?;
    let mut bytes = bytes.to_vec();
    if bytes.is_empty() || bytes.len() > MAX_BYTES {
        return None;
    }
    // Byte strings are big-endian, integers little-endian.
    if matches!(physical, Physical::Int32 | Physical::Int64) {
        bytes.reverse();
    }
    let is_negative = bytes[0] >= 0x80;
    if is_negative {
        negate(&mut bytes);
    }
    let mut digits = Vec::new();
    while bytes.iter().any(|&byte| byte != 0) || digits.len() <= scale {
        digits.push(char::from(b'0' + divide_by_ten(&mut bytes)));
    }
    if scale > 0 {
        digits.insert(scale, '.');
    }
    if is_negative {
        digits.push('-');
    }
    Some(digits.into_iter().rev().collect())
}

/// Negates a big-endian integer in two's complement.
fn negate(bytes: &mut [u8]) {
    let mut carry = true;
    for byte in bytes.iter_mut().rev() {
        (*byte, carry) = (!*byte).overflowing_add(carry.into());
    }
}

/// Divides a big-endian integer by ten and returns the remainder.
fn divide_by_ten(bytes: &mut [u8]) -> u8 {
    bytes.iter_mut().fold(0, |remainder, byte| {
        let value = u16::from(remainder) << 8 | u16::from(*byte);
        *byte = (value / 10) as u8;
        (value % 10) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_have_the_digits_of_their_scale() {
        let fixed = |bytes: &[u8], scale| decimal(Physical::Bytes, bytes, Some(scale));
        for (bytes, scale, expected) in [
            (&[0, 150][..], 2, "1.50"),
            (&[0xff, 0x6a], 2, "-1.50"),
            (&[5], 3, "0.005"),
            (&[0xfb], 3, "-0.005"),
            (&[0], 0, "0"),
            (&[0x80], 0, "-128"),
            (&[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 1, "236118324143482260684.7"),
        ] {
            assert_eq!(fixed(bytes, scale).as_deref(), Some(expected));
        }
        assert_eq!(decimal(Physical::Int32, &[150, 0, 0, 0], Some(2)).as_deref(), Some("1.50"));
        assert_eq!((fixed(&[1], -1), fixed(&[1], i32::MAX)), (None, None));
        assert_eq!((fixed(&[], 0), fixed(&[1; 33], 0)), (None, None));
    }
}
