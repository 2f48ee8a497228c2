use clap::Args;

/// Device to compute on.
#[derive(Clone, Debug, Args)]
pub(crate) struct DeviceArgs {
    /// `auto`, `flex` (CPU), or, if built in, `cuda`, `metal`, `rocm`, `vulkan`, `wgpu`; `cuda:1`
    /// is the second GPU
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub(crate) device: String,
}
