use burn::tensor::Device;
use mtpt_tasks::did_you_mean;

/// Every name of a device and the feature that brings it, the quickest first: `auto` takes the first that is built in.
const KNOWN: [&str; 6] = ["cuda", "metal", "rocm", "vulkan", "wgpu", "flex"];

/// Why a device is not to be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// No device has that name.
    #[error(
        "unknown device `{found}`; known are `auto`, {}{}",
        quoted(&KNOWN),
        did_you_mean(found, std::iter::once("auto").chain(KNOWN))
    )]
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
    /// The CPU has no second.
    #[error("device `{found}`: there is one CPU, `flex`")]
    OneCpu {
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
    #[error(
        "device `{found}` does not answer here, so look at its driver or take `flex`, the CPU: {reason}"
    )]
    NotWorking {
        /// The name.
        found: String,
        /// What the driver said.
        reason: String,
    },
}

/// A device by its name: `flex` or `cpu`, `cuda`, `cuda:1`, `metal`, `rocm`, `vulkan`, `wgpu`, or `auto` for the quickest that is
/// built in and answers.
///
/// The device comes without autodiff; [`Device::autodiff`] adds it.
///
/// # Errors
///
/// When the name is unknown, the device's feature is not built in, or there is no such device on this machine.
pub fn device(name: &str) -> Result<Device, DeviceError> {
    choose_device(name).map(|chosen| chosen.device)
}

/// As [`device`], with what was found on the way.
///
/// # Errors
///
/// As [`device`].
pub fn choose_device(name: &str) -> Result<ChosenDevice, DeviceError> {
    if name != "auto" {
        return named(name).map(|(name, device)| ChosenDevice {
            name,
            device,
            passed_over: Vec::new(),
        });
    }
    let mut passed_over = Vec::new();
    for name in device_names() {
        match named(name) {
            Ok((name, device)) => return Ok(ChosenDevice { name, device, passed_over }),
            Err(error) => passed_over.push(error),
        }
    }
    Err(passed_over.pop().unwrap_or(DeviceError::NotBuiltIn { name: "flex" }))
}

/// A device that was chosen.
#[derive(Debug)]
pub struct ChosenDevice {
    /// Its name, without a number.
    pub name: &'static str,
    /// The device, without autodiff.
    pub device: Device,
    /// Quicker devices that are built in and do not answer here, where any was wanted.
    pub passed_over: Vec<DeviceError>,
}

/// The devices that are built in, the quickest first.
pub fn device_names() -> Vec<&'static str> {
    KNOWN.into_iter().filter(|name| made(name, 0).is_some()).collect()
}

/// Every device that there is a feature for, the quickest first, and why it is not to be had, if it is not.
///
/// Each that is built in is asked for a number, which may take a moment.
pub fn devices() -> Vec<(&'static str, Result<Device, DeviceError>)> {
    KNOWN.into_iter().map(|name| (name, device(name))).collect()
}

/// A device by a name other than `auto`.
fn named(name: &str) -> Result<(&'static str, Device), DeviceError> {
    let (kind, index) = match name.split_once(':') {
        None => (name, 0),
        Some((kind, index)) => {
            let index = index.parse().map_err(|_| DeviceError::Index { found: name.to_owned() })?;
            (kind, index)
        }
    };
    let kind = if kind == "cpu" { "flex" } else { kind };
    if kind == "flex" && index > 0 {
        return Err(DeviceError::OneCpu { found: name.to_owned() });
    }
    let known = KNOWN.into_iter().find(|known| *known == kind);
    let kind = known.ok_or_else(|| DeviceError::Unknown { found: name.to_owned() })?;
    let device = made(kind, index).ok_or(DeviceError::NotBuiltIn { name: kind })?;
    if kind != "flex" {
        probe(kind, index)
            .map_err(|reason| DeviceError::NotWorking { found: name.to_owned(), reason })?;
    }
    Ok((kind, device))
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
            "unknown device `gpu`; known are `auto`, `cuda`, `metal`, `rocm`, `vulkan`, `wgpu`, `flex`; did you mean `wgpu`?"
        );
        let failure = device("Cuda").unwrap_err().to_string();
        assert!(failure.ends_with("; did you mean `cuda`?"), "{failure}");
        assert_eq!(
            device("flex:7").unwrap_err().to_string(),
            "device `flex:7`: there is one CPU, `flex`"
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
        assert!(device("flex").is_ok() && device("cpu").is_ok());
        assert_eq!(choose_device("auto").unwrap().name, device_names()[0]);
        let found = devices();
        let of = |name: &str| &found.iter().find(|(other, _)| *other == name).unwrap().1;
        assert!(of("flex").is_ok());
        assert!(matches!(of("rocm"), Err(DeviceError::NotBuiltIn { name: "rocm" })));
    }
}
