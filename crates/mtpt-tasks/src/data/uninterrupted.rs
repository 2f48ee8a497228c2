use std::io::{self, Read};

use mtpt_io::fs::uninterrupted;

/// Reads again when a signal interrupts it. Readers with a buffer don't.
pub(crate) struct Uninterrupted<R>(pub(crate) R);

impl<R: Read> Read for Uninterrupted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        uninterrupted(|| self.0.read(buffer))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, ErrorKind};

    use super::*;

    /// Is interrupted before every byte.
    struct Interrupted(usize);

    impl Read for Interrupted {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            if self.0 % 2 == 1 {
                return Err(ErrorKind::Interrupted.into());
            }
            buffer[0] = b'a';
            Ok(usize::from(self.0 < 6))
        }
    }

    #[test]
    fn buffers_are_filled_in_spite_of_signals() {
        let mut bytes = BufReader::new(Uninterrupted(Interrupted(0)));
        assert_eq!(bytes.fill_buf().unwrap(), b"a");
        let mut rest = Vec::new();
        bytes.read_until(b'\n', &mut rest).unwrap();
        assert_eq!(rest, b"aa");
    }
}
