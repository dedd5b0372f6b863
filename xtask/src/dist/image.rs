//! The program as a container image: an OCI image layout with one layer, from scratch.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{mock::Mock, root::Root, text};
use crate::{Result, process};

/// Writes the layout, has skopeo read it, and runs the layer's files as the image's user.
pub(super) fn make(folder: &Path) -> Result<String> {
    let program = super::program(folder)?;
    let layout = folder.join("image");
    if layout.exists() {
        fs::remove_dir_all(&layout)?;
    }
    fs::create_dir_all(layout.join("blobs/sha256"))?;
    let layer = folder.join("layer.tar");
    pack(&program, folder, &layer)?;
    let unpacked = digest(&fs::read(&layer)?)?;
    let compressed = process::output(Command::new("gzip").args(["--no-name", "--stdout"]).arg(&layer))?;
    let layer_blob = blob(&layout, "layer.v1.tar+gzip", &compressed)?;
    let config = CONFIG.replace("DIFF", &unpacked).replace("ARCH", architecture());
    let config_blob = blob(&layout, "config.v1+json", config.as_bytes())?;
    let manifest = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"{MEDIA}manifest.v1+json\",\"config\":{config_blob},\"layers\":[{layer_blob}]}}"
    );
    let manifest_blob = blob(&layout, "manifest.v1+json", manifest.as_bytes())?;
    let version = env!("CARGO_PKG_VERSION");
    let named = manifest_blob.replacen(
        '{',
        &format!("{{\"annotations\":{{\"org.opencontainers.image.ref.name\":\"{version}\"}},"),
        1,
    );
    let index =
        format!("{{\"schemaVersion\":2,\"mediaType\":\"{MEDIA}index.v1+json\",\"manifests\":[{named}]}}");
    fs::write(layout.join("index.json"), index)?;
    fs::write(layout.join("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}")?;

    let source = format!("oci:{}:{version}", layout.display());
    let told = text(Command::new("skopeo").args(["inspect", "--config", &source]))?;
    if !told.contains(&format!("\"User\": \"{USER}\"")) {
        return Err(format!("skopeo tells of another user: {told}").into());
    }
    // While it copies, skopeo checks every blob against its digest.
    let copy = Root::new("copy")?;
    let to = format!("dir:{}", copy.path().display());
    process::output(Command::new("skopeo").args(["copy", "--quiet", "--insecure-policy", &source, &to]))?;

    let root = Root::new("image")?;
    process::output(process::as_root("tar").arg("-xpf").arg(&layer).arg("-C").arg(root.path()))?;
    // A container's runtime puts this file there.
    root.put(Path::new("/etc/hosts"), "/etc/hosts", "644")?;
    let mock = Mock::start(&program)?;
    let sendmail = ["/usr/bin/mailbearer", "sendmail", "ann@example.org"];
    mock.try_in(&root, Some(USER), "/usr/bin/mailbearer", &sendmail)?;
    Ok(format!("{} bytes, read by skopeo, run as {USER}", compressed.len()))
}

/// Packs the layer: the program, its user, and the folders that this user may write to.
fn pack(program: &Path, folder: &Path, layer: &Path) -> Result<()> {
    let tree = folder.join("layer");
    if tree.exists() {
        fs::remove_dir_all(&tree)?;
    }
    for path in ["usr/bin", "etc/mailbearer", "home/mailbearer", "tmp"] {
        fs::create_dir_all(tree.join(path))?;
    }
    fs::copy(program, tree.join("usr/bin/mailbearer"))?;
    fs::write(tree.join("etc/passwd"), "mailbearer:x:65532:65532::/home/mailbearer:/nonexistent\n")?;
    fs::write(tree.join("etc/group"), "mailbearer:x:65532:\n")?;
    let tar = |action: &str, owner: &str, mode: &str, paths: &[&str]| {
        let mut tar = Command::new("tar");
        tar.args([action, "--sort=name", "--mtime=@0", "--numeric-owner", "--no-recursion"]);
        tar.args([format!("--owner={owner}"), format!("--group={owner}"), format!("--mode={mode}")]);
        process::output(tar.arg("--file").arg(layer).arg("--directory").arg(&tree).args(paths))
    };
    tar("--create", "0", "0755", &["etc", "etc/mailbearer", "home", "usr", "usr/bin", "usr/bin/mailbearer"])?;
    tar("--append", "0", "0644", &["etc/passwd", "etc/group"])?;
    tar("--append", "0", "1777", &["tmp"])?;
    tar("--append", "65532", "0700", &["home/mailbearer"])?;
    Ok(())
}

/// Stores octets under their digest. Returns their descriptor.
fn blob(layout: &Path, kind: &str, octets: &[u8]) -> Result<String> {
    let digest = digest(octets)?;
    fs::write(layout.join("blobs/sha256").join(&digest), octets)?;
    let size = octets.len();
    Ok(format!("{{\"mediaType\":\"{MEDIA}{kind}\",\"digest\":\"sha256:{digest}\",\"size\":{size}}}"))
}

fn digest(octets: &[u8]) -> Result<String> {
    let said = String::from_utf8(process::filter(&mut Command::new("sha256sum"), octets)?)?;
    Ok(said.split(' ').next().unwrap_or_default().to_owned())
}

/// The architecture by Go's name, which the specification asks for.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

const MEDIA: &str = "application/vnd.oci.image.";
/// The user and group that the image runs as. A number, so that it can be checked not to be root.
const USER: &str = "65532:65532";
const CONFIG: &str = r#"{"architecture":"ARCH","os":"linux","config":{"User":"65532:65532","Env":["PATH=/usr/bin","HOME=/home/mailbearer"],"Entrypoint":["/usr/bin/mailbearer"],"Cmd":["--help"],"WorkingDir":"/home/mailbearer","Labels":{"org.opencontainers.image.source":"https://github.com/mailbearer/mailbearer","org.opencontainers.image.licenses":"MIT OR Apache-2.0"}},"rootfs":{"type":"layers","diff_ids":["sha256:DIFF"]}}"#;
