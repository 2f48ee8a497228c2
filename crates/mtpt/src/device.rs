use burn::tensor::Device;

/// Every name of a device and the feature that brings it, the quickest first: `auto` takes the first that is built in.
const KNOWN: [&str; 6] = ["cuda", "metal", "rocm", "vulkan", "wgpu", "flex"];

/// Why a device is not to be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// No device has that name.
    #[error("unknown device `{found}`; known are `auto`, {}", quoted(&KNOWN))]
    Unknown {
        /// The name.
        found: String,
    },
    /// The number after the colon is none.
    #[error("device `{found}`: expected a number after the colon, as in `cuda:0`")]
    Index {
        /// The name.
        found: String,
    },
    /// The device's feature is not built in.
    #[error(
        "device `{name}` is not built in, only {} is; build with `--features {name}`", quoted(&device_names())
    )]
    NotBuiltIn {
        /// The name.
        name: &'static str,
    },
    /// The device does not answer: there is no such hardware, or its driver is missing.
    #[error("device `{found}` does not work here: {reason}")]
    NotWorking {
        /// The name.
        found: String,
        /// What the driver said.
        reason: String,
    },
}

/// The devices that are built in, the quickest first.
pub fn device_names() -> Vec<&'static str> {
    KNOWN.into_iter().filter(|name| made(name, 0).is_some()).collect()
}

/// A device by its name: `flex`, `cuda`, `cuda:1`, `metal`, `rocm`, `vulkan`, `wgpu`, or `auto` for the quickest that is
/// built in.
///
/// The device comes without autodiff; [`Device::autodiff`] adds it.
///
/// # Errors
///
/// When the name is unknown, the device's feature is not built in, or there is no such device on this machine.
pub fn device(name: &str) -> Result<Device, DeviceError> {
    let (kind, index) = match name.split_once(':') {
        None => (name, 0),
        Some((kind, index)) => {
            let index = index.parse().map_err(|_| DeviceError::Index { found: name.to_owned() })?;
            (kind, index)
        }
    };
    let kind = match kind {
        "auto" => device_names().first().copied().unwrap_or("flex"),
        _ => {
            let known = KNOWN.into_iter().find(|known| *known == kind);
            known.ok_or_else(|| DeviceError::Unknown { found: name.to_owned() })?
        }
    };
    let device = made(kind, index).ok_or(DeviceError::NotBuiltIn { name: kind })?;
    if kind != "flex" {
        probe(kind, index)
            .map_err(|reason| DeviceError::NotWorking { found: name.to_owned(), reason })?;
    }
    Ok(device)
}

/// The device of a feature that is built in.
fn made(kind: &str, index: usize) -> Option<Device> {
    // Without a GPU feature nothing reads the number.
    let _ = index;
    match kind {
        #[cfg(feature = "flex")]
        "flex" => Some(Device::flex()),
        #[cfg(feature = "cuda")]
        "cuda" => Some(Device::cuda(index)),
        #[cfg(feature = "rocm")]
        "rocm" => Some(Device::rocm(index)),
        #[cfg(feature = "metal")]
        "metal" => Some(Device::metal(graphics(index))),
        #[cfg(feature = "vulkan")]
        "vulkan" => Some(Device::vulkan(graphics(index))),
        #[cfg(feature = "wgpu")]
        "wgpu" => Some(Device::wgpu(graphics(index))),
        _ => None,
    }
}

/// The first device is whatever the driver prefers, integrated or not; others are counted among discrete ones.
#[cfg(any(feature = "metal", feature = "vulkan", feature = "wgpu"))]
fn graphics(index: usize) -> burn::tensor::DeviceKind {
    match index {
        0 => burn::tensor::DeviceKind::DefaultDevice,
        _ => burn::tensor::DeviceKind::DiscreteGpu(index),
    }
}

/// Asks a device for one number: burn panics where a driver is missing, and that is no way to be told so.
fn probe(kind: &'static str, index: usize) -> Result<(), String> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let answer = std::panic::catch_unwind(|| {
        let device = made(kind, index)?;
        let sum = burn::tensor::Tensor::<1>::ones([2], &device).sum();
        Some(sum.into_scalar::<f32>())
    });
    std::panic::set_hook(hook);
    match answer {
        Ok(Some(2.0)) => Ok(()),
        Ok(other) => Err(format!("it says that 1 + 1 is {other:?}")),
        Err(panic) => {
            let message = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied());
            Err(message
                .unwrap_or("no driver answers")
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned())
        }
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_names_are_refused_with_the_known_ones() {
        let failure = device("gpu").unwrap_err().to_string();
        assert_eq!(
            failure,
            "unknown device `gpu`; known are `auto`, `cuda`, `metal`, `rocm`, `vulkan`, `wgpu`, `flex`"
        );
        let failure = device("cuda:x").unwrap_err().to_string();
        assert_eq!(failure, "device `cuda:x`: expected a number after the colon, as in `cuda:0`");
    }

    #[cfg(all(feature = "flex", not(feature = "rocm")))]
    #[test]
    fn a_feature_that_is_not_built_in_is_named() {
        let failure = device("rocm").unwrap_err().to_string();
        assert!(failure.starts_with("device `rocm` is not built in"), "{failure}");
        assert!(failure.ends_with("build with `--features rocm`"), "{failure}");
        assert!(device("flex").is_ok());
    }
}
