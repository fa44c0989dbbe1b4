//! A running `chromedriver`. It ends with the value; the browsers that it started end with it.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use super::tools::Tools;

/// How long a start may take at most.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How often its words are looked at.
const POLL: Duration = Duration::from_millis(10);
/// What it says before its port when it is ready.
const READY: &str = "started successfully on port ";

/// The server, on a port that the system chose.
#[derive(Debug)]
pub(crate) struct Driver {
    child: Child,
    /// Where it listens.
    pub(crate) url: String,
    /// For profiles of browsers; lives as long as they do.
    pub(crate) folder: TempDir,
}

impl Driver {
    pub(crate) async fn start(tools: &Tools) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("stoa-browser-").tempdir()?;
        let said = folder.path().join("chromedriver.txt");
        let out = File::create(&said)?;
        let mut command = Command::new(&tools.chromedriver);
        command.args(["--port=0", "--log-level=WARNING"]).stdin(Stdio::null());
        command.stderr(out.try_clone()?).stdout(out);
        let child = command.spawn().with_context(|| format!("{command:?} cannot be started"))?;
        let mut driver = Self { child, url: String::new(), folder };
        let port = driver.wait_until_ready(&said).await?;
        driver.url = format!("http://127.0.0.1:{port}");
        Ok(driver)
    }

    async fn wait_until_ready(&mut self, said: &Path) -> Result<u16> {
        let began = Instant::now();
        while began.elapsed() < READY_WITHIN {
            let text = fs::read_to_string(said)?;
            if let Some(port) = port_in(&text) {
                return Ok(port);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("chromedriver ended before it was ready ({status}): {text}");
            }
            tokio::time::sleep(POLL).await;
        }
        bail!("chromedriver was not ready within {READY_WITHIN:?}")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Whether it is gone already does not matter any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The port in what it says, once the line is whole.
fn port_in(text: &str) -> Option<u16> {
    let (_, after) = text.split_once(READY)?;
    let (line, _) = after.split_once('\n')?;
    line.trim().trim_end_matches('.').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_when_its_line_is_whole() {
        let text = "Starting ChromeDriver 1 on port 0\nChromeDriver was started successfully on port 40123.\n";
        assert_eq!(port_in(text), Some(40123));
        assert_eq!(port_in(&text[..text.len() - 4]), None);
    }
}
