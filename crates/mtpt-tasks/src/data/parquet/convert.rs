use half::f16;

use crate::data::parquet::decimal::decimal;
use crate::data::parquet::meaning::Meaning;
use crate::data::parquet::schema::Leaf;
use crate::data::parquet::time::time;
use crate::data::parquet_problem::ColumnProblem;
use crate::data::value::Value;

const DECIMAL: &str = "a decimal";
const TIME: &str = "a date or time";

/// Converts a value: texts, and numbers and booleans to their text in JSON. Values without a use
/// are shown as text in JSON.
pub(super) fn value(leaf: &Leaf, bytes: &[u8]) -> Result<Value, ColumnProblem> {
    let meaning = leaf.meaning;
    if meaning == Meaning::Text {
        return text(bytes).map(Value::Text);
    }
    if let Some(scalar) = scalar(meaning, bytes) {
        return Ok(Value::Scalar(scalar));
    }
    let (kind, shown) = match meaning {
        Meaning::Decimal(scale) => (DECIMAL, decimal(leaf.physical, bytes, scale)),
        Meaning::Date | Meaning::Time(_) | Meaning::Timestamp(_) | Meaning::Int96 => {
            (TIME, time(meaning, bytes))
        }
        _ => return Ok(Value::Unprintable("bytes")),
    };
    Ok(shown.map_or(Value::Unprintable(kind), |text| Value::Nested(kind, Box::new(text.into()))))
}

/// Returns the text of a value that is one.
pub(super) fn text(bytes: &[u8]) -> Result<String, ColumnProblem> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(ColumnProblem::Invalid { what: "a text that is not UTF-8" }),
    }
}

/// Returns the text of a number or boolean.
pub(super) fn scalar(meaning: Meaning, bytes: &[u8]) -> Option<String> {
    Some(match meaning {
        Meaning::Boolean => (bytes.first()? != &0).to_string(),
        Meaning::Signed(bits) => {
            let found = signed(bytes);
            match bits {
                8 => (found as i8).to_string(),
                16 => (found as i16).to_string(),
                _ => found.to_string(),
            }
        }
        Meaning::Unsigned(bits) => {
            (signed(bytes).cast_unsigned() & u64::MAX >> 64_u8.saturating_sub(bits)).to_string()
        }
        // `{:?}` keeps a decimal point and the fewest digits that identify the number.
        Meaning::Half => format!("{:?}", f16::from_le_bytes(bytes.try_into().ok()?).to_f32()),
        Meaning::Float => format!("{:?}", f32::from_le_bytes(bytes.try_into().ok()?)),
        Meaning::Double => format!("{:?}", f64::from_le_bytes(bytes.try_into().ok()?)),
        _ => return None,
    })
}

/// Returns an integer of up to eight bytes.
fn signed(bytes: &[u8]) -> i64 {
    match *bytes {
        [a, b, c, d] => i32::from_le_bytes([a, b, c, d]).into(),
        [a, b, c, d, e, f, g, h] => i64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => 0,
    }
}
