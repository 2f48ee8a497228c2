//! Vector instructions of the CPU, and a mask that hides AVX-512 from this process.
//!
//! All our kernels, and those of Burn and `gemm`, ask `is_x86_feature_detected!`, which keeps its
//! answers in a variable of the standard library. Clearing bits of that variable is like running
//! on a CPU without these instructions: the same program is measured with and without them. It
//! needs no build without Burn's feature `x86-v4`, which would not affect other kernels.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod x86_64 {
    use std::fs::{File, OpenOptions};
    use std::os::unix::fs::FileExt;

    use crate::Result;

    /// Words of the variable.
    const WORDS: usize = 3;

    /// Returns the state of some features.
    macro_rules! detected {
        ($($name:tt),*) => {
            [$(($name, std::arch::is_x86_feature_detected!($name))),*]
        };
    }

    /// Returns features that `--mask-avx512` hides: AVX-512 and what came after it.
    fn wide() -> impl Iterator<Item = (&'static str, bool)> {
        detected!(
            "avx512f",
            "avx512cd",
            "avx512bw",
            "avx512dq",
            "avx512vl",
            "avx512ifma",
            "avx512vbmi",
            "avx512vbmi2",
            "avx512vnni",
            "avx512bitalg",
            "avx512vpopcntdq",
            "avx512vp2intersect",
            "avx512bf16",
            "avx512fp16",
            "avxvnni",
            "avxvnniint8",
            "avxvnniint16",
            "avxifma",
            "avxneconvert"
        )
        .into_iter()
    }

    /// Returns the features that products depend on and that this process uses.
    pub(crate) fn features() -> Vec<&'static str> {
        let narrow = detected!("avx2", "fma");
        let found = narrow.into_iter().chain(wide()).filter(|(_, found)| *found);
        let names = ["avx2", "fma", "avx512f", "avx512vnni", "avx512bf16", "avxvnni"];
        found.map(|(name, _)| name).filter(|name| names.contains(name)).collect()
    }

    fn count() -> usize {
        wide().filter(|(_, found)| *found).count()
    }

    /// The standard library's variable, in the memory of this process.
    struct Cache {
        memory: File,
        address: u64,
    }

    impl Cache {
        fn open(offset: u64) -> Result<Self> {
            // Addresses in a program's file count from its first mapping.
            let maps = std::fs::read_to_string("/proc/self/maps")?;
            let program = std::env::current_exe()?;
            let first = maps.lines().find(|line| line.ends_with(&*program.to_string_lossy()));
            let start = first.and_then(|line| line.split('-').next()).unwrap_or_default();
            let address = u64::from_str_radix(start, 16)? + offset;
            let memory = OpenOptions::new().read(true).write(true).open("/proc/self/mem")?;
            Ok(Self { memory, address })
        }

        fn read(&self, word: usize) -> Result<u64> {
            let mut bytes = [0; 8];
            self.memory.read_exact_at(&mut bytes, self.address + 8 * word as u64)?;
            Ok(u64::from_le_bytes(bytes))
        }

        fn write(&self, word: usize, value: u64) -> Result<()> {
            let bytes = value.to_le_bytes();
            Ok(self.memory.write_all_at(&bytes, self.address + 8 * word as u64)?)
        }
    }

    /// Hides AVX-512 from this process, given the variable's address in the program's file.
    ///
    /// The bits of features differ between versions of Rust, so each is cleared on trial.
    pub(crate) fn mask_avx512(address: &str) -> Result<()> {
        let mut left = count();
        let cache = Cache::open(u64::from_str_radix(address, 16)?)?;
        for word in 0..WORDS {
            let mut value = cache.read(word)?;
            // The highest bit means that the word is valid.
            if value >> 63 == 0 {
                return Err(format!("there are no CPU features at address {address}").into());
            }
            for bit in (0..63).filter(|bit| value >> bit & 1 == 1).collect::<Vec<_>>() {
                let cleared = value & !(1 << bit);
                cache.write(word, cleared)?;
                if count() < left {
                    left = count();
                    value = cleared;
                } else {
                    cache.write(word, value)?;
                }
            }
        }
        match wide().find(|(_, found)| *found) {
            Some((name, _)) => Err(format!("{name} cannot be hidden from this process").into()),
            None => Ok(()),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn masked_instructions_are_not_detected() {
            let program = std::env::current_exe().unwrap();
            let Ok(symbols) = std::process::Command::new("nm").arg(program).output() else {
                println!("skipped: there is no `nm`");
                return;
            };
            let symbols = String::from_utf8(symbols.stdout).unwrap();
            let line = symbols.lines().find(|line| line.contains("std_detect6detect5cache5CACHE"));
            let address = line.unwrap().split(' ').next().unwrap();
            let narrow = detected!("sse4.2", "avx", "avx2", "fma", "f16c", "bmi2");
            mask_avx512(address).unwrap();
            assert_eq!(count(), 0);
            assert_eq!(detected!("sse4.2", "avx", "avx2", "fma", "f16c", "bmi2"), narrow);
            // There is nothing left to hide.
            mask_avx512(address).unwrap();
        }

        #[test]
        fn an_address_without_features_is_an_error() {
            // The header of the program.
            let error = mask_avx512("0").unwrap_err().to_string();
            assert_eq!(error, "there are no CPU features at address 0");
        }
    }
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub(crate) use x86_64::{features, mask_avx512};

/// Returns no features: they are only known on x86-64 with Linux.
#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
pub(crate) fn features() -> Vec<&'static str> {
    Vec::new()
}

/// Returns an error: features can only be hidden on x86-64 with Linux.
#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
pub(crate) fn mask_avx512(_: &str) -> crate::Result<()> {
    Err("instructions can only be hidden on x86-64 with Linux".into())
}
