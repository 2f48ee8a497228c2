//! The header of a `.npy` file: the text of a Python dictionary.

use crate::layout::element_count;

/// Longest header that is read. numpy has the same limit, `max_header_size` of `numpy.load`.
const MAX_LENGTH: usize = 10_000;

/// Description of the array in a `.npy` file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NpyHeader {
    /// Type of the elements, such as `<f4`, or the list of a structured type as in the file.
    pub(crate) descr: String,
    /// Whether the first axis is the fastest.
    pub(crate) is_fortran: bool,
    pub(crate) shape: Vec<usize>,
    /// Position of the first element in the file.
    pub(crate) data_start: usize,
}

impl NpyHeader {
    /// Parses the start of a file.
    ///
    /// # Errors
    ///
    /// A description of the problem.
    pub(crate) fn parse(file: &[u8]) -> Result<Self, String> {
        let truncated = || "its header is truncated".to_owned();
        let version = *file.get(6).ok_or_else(truncated)?;
        let (text_start, length) = match (version, file.get(8..)) {
            (1, Some([a, b, ..])) => (10, usize::from(u16::from_le_bytes([*a, *b]))),
            (2 | 3, Some([a, b, c, d, ..])) => (12, u32::from_le_bytes([*a, *b, *c, *d]) as usize),
            (1..=3, _) => return Err(truncated()),
            _ => return Err(format!("expected version 1, 2 or 3 of the format, found {version}")),
        };
        let text = file[text_start..].get(..length).ok_or_else(truncated)?;
        if length > MAX_LENGTH {
            return Err(format!(
                "its header must have at most {MAX_LENGTH} bytes, but has {length}"
            ));
        }
        let malformed = || "its header is malformed".to_owned();
        let text = str::from_utf8(text).map_err(|_| malformed())?;
        let Fields { descr, is_fortran, shape } =
            Cursor { rest: text }.fields().ok_or_else(malformed)?;
        let shape = shape
            .iter()
            .map(|size| size.parse().ok())
            .collect::<Option<Vec<usize>>>()
            .filter(|shape| element_count(shape).is_some())
            .ok_or("its shape has too many elements")?;
        Ok(Self { descr, is_fortran, shape, data_start: text_start + length })
    }
}

/// The dictionary's values, with sizes as decimal digits.
struct Fields<'a> {
    descr: String,
    is_fortran: bool,
    shape: Vec<&'a str>,
}

/// The rest of a text. Functions return `None` if the text doesn't continue as expected.
struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn fields(mut self) -> Option<Fields<'a>> {
        let (mut descr, mut is_fortran, mut shape) = (None, None, None);
        self.expect("{")?;
        while self.expect("}").is_none() {
            let key = self.text()?;
            self.expect(":")?;
            let is_first = match key {
                "descr" => descr.replace(self.descr()?).is_none(),
                "fortran_order" => is_fortran.replace(self.boolean()?).is_none(),
                "shape" => shape.replace(self.sizes()?).is_none(),
                _ => false,
            };
            let is_end = self.expect(",").is_none() && !self.rest.trim_start().starts_with('}');
            if !is_first || is_end {
                return None;
            }
        }
        let fields = Fields { descr: descr?, is_fortran: is_fortran?, shape: shape? };
        self.rest.trim().is_empty().then_some(fields)
    }

    /// Consumes a token and the white space before it.
    fn expect(&mut self, token: &str) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(token)?;
        Some(())
    }

    /// Consumes a text in quotes, without escapes.
    fn text(&mut self) -> Option<&'a str> {
        let rest = self.rest.trim_start();
        let quote = rest.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
        let (text, rest) = rest[1..].split_once(quote)?;
        self.rest = rest;
        (!text.contains('\\')).then_some(text)
    }

    /// Consumes a type, or the list of the fields of a structured one.
    fn descr(&mut self) -> Option<String> {
        let start = self.rest.trim_start();
        if !start.starts_with('[') {
            return self.text().map(str::to_owned);
        }
        let mut depth = 0;
        let length = start.char_indices().find_map(|(position, char)| {
            match char {
                '[' | '(' => depth += 1,
                ']' | ')' => depth -= 1,
                _ => {}
            }
            (depth == 0).then_some(position + 1)
        })?;
        self.rest = &start[length..];
        Some(start[..length].to_owned())
    }

    fn boolean(&mut self) -> Option<bool> {
        match self.expect("True") {
            Some(()) => Some(true),
            None => self.expect("False").map(|()| false),
        }
    }

    /// Consumes a tuple or list of sizes.
    fn sizes(&mut self) -> Option<Vec<&'a str>> {
        let close = match self.expect("(") {
            Some(()) => ")",
            None => self.expect("[").map(|()| "]")?,
        };
        let mut sizes = Vec::new();
        while self.expect(close).is_none() {
            let rest = self.rest.trim_start();
            let digits = rest.find(|char: char| !char.is_ascii_digit()).filter(|&end| end > 0)?;
            sizes.push(&rest[..digits]);
            // Python 2 marks long integers.
            self.rest = rest[digits..].trim_start_matches('L');
            if self.expect(",").is_none() && !self.rest.trim_start().starts_with(close) {
                return None;
            }
        }
        Some(sizes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<NpyHeader, String> {
        let length = (text.len() as u16).to_le_bytes();
        NpyHeader::parse(&[b"\x93NUMPY\x01\0".as_slice(), &length, text.as_bytes()].concat())
    }

    #[test]
    fn fields_are_read_in_any_order() {
        let text = "{ \"shape\":(3L,4 ,) , 'descr' : '|V2','fortran_order':True }   \n";
        let header = parse(text).unwrap();
        let expected = NpyHeader {
            descr: "|V2".to_owned(),
            is_fortran: true,
            shape: vec![3, 4],
            data_start: 10 + text.len(),
        };
        assert_eq!(header, expected);
    }

    #[test]
    fn other_texts_are_malformed() {
        let valid = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
        assert!(parse(valid).is_ok());
        for end in 0..valid.len() {
            assert_eq!(parse(&valid[..end]).unwrap_err(), "its header is malformed", "{end}");
        }
        for (from, to) in [
            ("(2, 3)", "(2, x)"),
            ("(2, 3)", "(2, 3]"),
            ("(2, 3)", "(2 3)"),
            ("(2, 3)", "()()"),
            ("(2, 3)", "(,)"),
            ("False", "None"),
            ("'<f4'", "[('a'"),
            ("'<f4'", "'<f4\\''"),
            ("'descr'", "'shape'"),
            ("'descr'", "'other'"),
            ("{", "[{"),
            ("}", "}}"),
        ] {
            assert_eq!(parse(&valid.replace(from, to)).unwrap_err(), "its header is malformed");
        }
    }

    #[test]
    fn nesting_takes_no_time() {
        for (open, close) in [("[", "]"), ("(", ")"), ("{'a':", "}"), ("[(", ")]")] {
            let nested = open.repeat(1000) + &close.repeat(1000);
            let text = format!("{{'descr': {nested}, 'fortran_order': False, 'shape': (2,)}}");
            let is_list = open.starts_with('[');
            assert_eq!(parse(&text).is_ok(), is_list, "{open}");
            let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {nested}}}");
            assert_eq!(parse(&text).unwrap_err(), "its header is malformed");
        }
    }

    #[test]
    fn large_claims_are_rejected() {
        let shape = |shape: &str| {
            parse(&format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}"))
        };
        for large in ["(9223372036854775807, 4)", "(0, 18446744073709551615, 2)", "(1e3,)"] {
            assert!(shape(large).is_err(), "{large}");
        }
        assert!(shape(&format!("({})", "99999".repeat(99))).unwrap_err().contains("too many"));
        assert!(shape(&format!("({})", "1,".repeat(65))).unwrap_err().contains("too many"));
        assert_eq!(shape("(0, 3)").unwrap().shape, [0, 3]);
        let long = format!("{{'descr': '<f4'{}", " ".repeat(10_000));
        assert!(parse(&long).unwrap_err().contains("at most 10000 bytes, but has 10015"));
    }
}
