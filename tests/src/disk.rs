//! A disk of one's own whose power can be cut: what was not synced is gone.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};

/// Seconds until the file system writes by itself what nobody synced: longer than anything lives here.
const COMMIT_SECONDS: u32 = 300;

/// A file with an ext4 file system in it, mounted. Unmounted when dropped.
pub struct Disk {
    dir: tempfile::TempDir,
    /// How often its power was cut.
    cuts: u32,
}

impl Disk {
    /// Makes one. None where one may not mount, which is printed.
    pub fn new(megabytes: u32) -> anyhow::Result<Option<Self>> {
        let disk = Self { dir: tempfile::tempdir()?, cuts: 0 };
        std::fs::create_dir(disk.path())?;
        run("truncate", &["-s", &format!("{megabytes}M"), text(&disk.device())?])?;
        let made = run("mkfs.ext4", &["-q", text(&disk.device())?]).and_then(|()| disk.mount());
        if let Err(error) = made {
            println!("a file cannot be mounted here, so this part is left out: {error:#}");
            return Ok(None);
        }
        Ok(Some(disk))
    }

    /// Where it is mounted.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("mounted")
    }

    /// The power fails: what its files hold is what was on the disk. Nobody may have a file open.
    pub fn cut_power(&mut self) -> anyhow::Result<()> {
        let before = self.device();
        self.cuts += 1;
        // Unmounting writes what the kernel still has in memory, so the disk is copied before it.
        run("cp", &["--sparse=always", text(&before)?, text(&self.device())?])?;
        run("umount", &[text(&self.path())?])?;
        std::fs::remove_file(before)?;
        self.mount()
    }

    /// The file system finds itself damaged, as when a disk fails, and is read-only from now on, also for whoever has files open. False
    /// where one may not have it do so, which is printed.
    pub fn fail(&self) -> anyhow::Result<bool> {
        let output = Command::new("findmnt").args(["-n", "-o", "SOURCE", text(&self.path())?]).output()?;
        let device = String::from_utf8(output.stdout)?;
        let name = Path::new(device.trim()).file_name().context("a mounted device has a name")?;
        let place = Path::new("/sys/fs/ext4").join(name).join("trigger_fs_error");
        let failed = std::fs::write(&place, "1");
        if let Err(error) = &failed {
            println!("{} cannot be written, so this part is left out: {error}", place.display());
        }
        Ok(failed.is_ok())
    }

    /// It is repaired and takes writes again. Nobody may have a file open.
    pub fn repair(&self) -> anyhow::Result<()> {
        run("umount", &[text(&self.path())?])?;
        // 1: it had errors, and has none now.
        let status = Command::new("e2fsck").args(["-fy", text(&self.device())?]).output()?.status;
        if !matches!(status.code(), Some(0 | 1)) {
            bail!("e2fsck ended with {status}");
        }
        self.mount()
    }

    /// Makes it read-only, or writable again. Nobody may have a file open for writing.
    pub fn remount(&self, how: &str) -> anyhow::Result<()> {
        run("mount", &["-o", &format!("remount,{how}"), text(&self.path())?])
    }

    fn device(&self) -> PathBuf {
        self.dir.path().join(format!("disk-{}", self.cuts))
    }

    fn mount(&self) -> anyhow::Result<()> {
        let options = format!("loop,errors=remount-ro,commit={COMMIT_SECONDS}");
        run("mount", &["-o", &options, text(&self.device())?, text(&self.path())?])
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path that is text")
}

fn run(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new(program).args(arguments).output().with_context(|| format!("cannot run {program}"))?;
    if !output.status.success() {
        bail!("{program} {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
