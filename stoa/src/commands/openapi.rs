//! `stoa openapi`: prints the API document, out of the very routes that are served.

use std::process::ExitCode;

use crate::commands::Out;
use crate::commands::serve::start;
use crate::options::PlatformOptions;

pub(super) async fn run(out: &mut Out) -> anyhow::Result<ExitCode> {
    // The routes hold handles of services, so the services are started, in a folder that goes away.
    let folder = tempfile::tempdir()?;
    let platform = start(PlatformOptions::in_folder(folder.path()), None).await?;
    out.raw(platform.openapi.trim_end())?;
    platform.stop(std::time::Duration::from_secs(5)).await;
    Ok(ExitCode::SUCCESS)
}
