use burn::tensor::Device;
use mtpt_tasks::did_you_mean;

/// Device names, each also the name of its feature, fastest first. `auto` selects the first one
/// that is built in and available.
const KNOWN: [&str; 6] = ["cuda", "metal", "rocm", "vulkan", "wgpu", "flex"];

/// Reasons why a device can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// No device has this name.
    #[error(
        "unknown device `{found}`, expected one of `auto`, {}{}",
        quoted(&KNOWN),
        did_you_mean(found, std::iter::once("auto").chain(KNOWN))
    )]
    Unknown {
        /// The name.
        found: String,
    },
    /// The text after the colon is not an index.
    #[error("device `{found}`: expected a number after the colon, as in `cuda:0`")]
    InvalidIndex {
        /// The name.
        found: String,
    },
    /// The CPU has no index other than 0.
    #[error("device `{found}`: there is only one CPU, use `flex`")]
    SingleCpu {
        /// The name.
        found: String,
    },
    /// The feature of the device is not enabled.
    #[error(
        "device `{name}` is not built in, only {} is; build with `--features {name}`",
        quoted(&device_names())
    )]
    NotBuiltIn {
        /// The name.
        name: &'static str,
    },
    /// The hardware or its driver is missing.
    #[error(
        "device `{found}` is not available; check its driver, or use the CPU, `flex`: {reason}"
    )]
    Unavailable {
        /// The name.
        found: String,
        /// The message of the driver.
        reason: String,
    },
}

/// Opens a device by name: `flex` or `cpu`, `cuda`, `cuda:1`, `metal`, `rocm`, `vulkan`, `wgpu`, or
/// `auto` for the fastest one that is built in and available.
///
/// The device comes without autodiff. [`Device::autodiff`] adds it.
///
/// # Errors
///
/// When the name is unknown, the feature of the device is not enabled, or the device is not
/// available on this machine.
pub fn device(name: &str) -> Result<Device, DeviceError> {
    choose_device(name).map(|chosen| chosen.device)
}

/// Opens a device like [`device`], and also returns which one `auto` selected and skipped.
///
/// # Errors
///
/// As [`device`].
pub fn choose_device(name: &str) -> Result<ChosenDevice, DeviceError> {
    if name != "auto" {
        let (name, device) = open_named(name)?;
        return Ok(ChosenDevice { name, device, skipped: Vec::new() });
    }
    let mut skipped = Vec::new();
    for name in device_names() {
        match open_named(name) {
            Ok((name, device)) => return Ok(ChosenDevice { name, device, skipped }),
            Err(error) => skipped.push(error),
        }
    }
    Err(skipped.pop().unwrap_or(DeviceError::NotBuiltIn { name: "flex" }))
}

/// The result of [`choose_device`].
#[derive(Debug)]
pub struct ChosenDevice {
    /// Name of the device, without an index.
    pub name: &'static str,
    /// The device, without autodiff.
    pub device: Device,
    /// Errors of the faster devices that `auto` skipped because they are not available.
    pub skipped: Vec<DeviceError>,
}

/// Returns the names of the devices that are built in, fastest first.
pub fn device_names() -> Vec<&'static str> {
    KNOWN.into_iter().filter(|name| open(name, 0).is_some()).collect()
}

/// Opens every known device, fastest first.
///
/// Each device that is built in is probed, which may take a moment.
pub fn devices() -> Vec<(&'static str, Result<Device, DeviceError>)> {
    KNOWN.into_iter().map(|name| (name, device(name))).collect()
}

/// Opens and probes a device whose name is not `auto`.
fn open_named(name: &str) -> Result<(&'static str, Device), DeviceError> {
    let found = || name.to_owned();
    let (kind, index) = match name.split_once(':') {
        None => (name, 0),
        Some((kind, index)) => {
            let index = index.parse().map_err(|_| DeviceError::InvalidIndex { found: found() })?;
            (kind, index)
        }
    };
    let kind = if kind == "cpu" { "flex" } else { kind };
    if kind == "flex" && index > 0 {
        return Err(DeviceError::SingleCpu { found: found() });
    }
    let known = KNOWN.into_iter().find(|known| *known == kind);
    let kind = known.ok_or_else(|| DeviceError::Unknown { found: found() })?;
    let device = open(kind, index).ok_or(DeviceError::NotBuiltIn { name: kind })?;
    if kind != "flex" {
        probe(kind, index).map_err(|reason| DeviceError::Unavailable { found: found(), reason })?;
    }
    Ok((kind, device))
}

/// Opens a device; `None` if it is not built in.
fn open(kind: &str, index: usize) -> Option<Device> {
    // Without a GPU feature, the index is unused.
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

/// Returns the kind of a graphics device: the driver's default for index 0, which may be an
/// integrated GPU, otherwise a discrete GPU.
#[cfg(any(feature = "metal", feature = "vulkan", feature = "wgpu"))]
fn graphics(index: usize) -> burn::tensor::DeviceKind {
    match index {
        0 => burn::tensor::DeviceKind::DefaultDevice,
        _ => burn::tensor::DeviceKind::DiscreteGpu(index),
    }
}

/// Computes a sum on a device. Burn panics or fails without a driver; this returns a line of its
/// message instead.
fn probe(kind: &'static str, index: usize) -> Result<(), String> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = std::panic::catch_unwind(|| {
        let device = open(kind, index)?;
        let sum = burn::tensor::Tensor::<1>::ones([2], &device).sum();
        Some(sum.try_into_scalar::<f32>().map_err(|error| error.to_string()))
    });
    std::panic::set_hook(hook);
    match result {
        Ok(Some(Ok(2.0))) => Ok(()),
        Ok(Some(Ok(other))) => Err(format!("it computes 1 + 1 as {other}")),
        Ok(Some(Err(message))) => Err(reason(&message)),
        Ok(None) => Err("it is not built in".to_owned()),
        Err(panic) => {
            let message = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied());
            Err(reason(message.unwrap_or_default()))
        }
    }
}

/// Returns the first line of a message that says more than that something failed.
fn reason(message: &str) -> String {
    const GENERAL: [&str; 3] =
        ["An error happened during execution", "The device is poisoned", "Caused by:"];
    let mut lines = message.lines().map(str::trim);
    let line = lines.find(|line| !line.is_empty() && !GENERAL.contains(line));
    line.unwrap_or("no driver found").to_owned()
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_names_are_rejected() {
        let failure = device("gpu").unwrap_err().to_string();
        assert_eq!(
            failure,
            "unknown device `gpu`, expected one of `auto`, `cuda`, `metal`, `rocm`, `vulkan`, `wgpu`, `flex`; did you mean `wgpu`?"
        );
        let failure = device("Cuda").unwrap_err().to_string();
        assert!(failure.ends_with("; did you mean `cuda`?"), "{failure}");
        assert_eq!(
            device("flex:7").unwrap_err().to_string(),
            "device `flex:7`: there is only one CPU, use `flex`"
        );
        let failure = device("cuda:x").unwrap_err().to_string();
        assert_eq!(failure, "device `cuda:x`: expected a number after the colon, as in `cuda:0`");
    }

    #[test]
    fn reasons_are_the_first_line_that_explains() {
        let message = "An error happened during execution\nCaused by:\n  no adapter\n  at x.rs:1";
        assert_eq!(reason(message), "no adapter");
        assert_eq!(reason("libcuda.so cannot be loaded\nmore"), "libcuda.so cannot be loaded");
        assert_eq!(reason(""), "no driver found");
    }

    #[cfg(all(feature = "flex", not(feature = "rocm")))]
    #[test]
    fn missing_feature_is_named() {
        let failure = device("rocm").unwrap_err().to_string();
        assert!(failure.starts_with("device `rocm` is not built in"), "{failure}");
        assert!(failure.ends_with("build with `--features rocm`"), "{failure}");
        assert!(device("flex").is_ok() && device("cpu").is_ok());
        assert_eq!(choose_device("auto").unwrap().name, device_names()[0]);
        let found = devices();
        let result = |name: &str| &found.iter().find(|(other, _)| *other == name).unwrap().1;
        assert!(result("flex").is_ok());
        assert!(matches!(result("rocm"), Err(DeviceError::NotBuiltIn { name: "rocm" })));
    }
}
