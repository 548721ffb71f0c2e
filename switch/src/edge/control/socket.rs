//! The socket's place in the file system, which says who may connect.

use std::fmt;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixStream};

/// A listening socket with a name; dropped, the name goes.
pub struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
}

/// The socket could not be made.
#[derive(Debug)]
pub struct BindError {
    path: PathBuf,
    error: io::Error,
}

impl ControlSocket {
    /// Listens at this path, with mode 0600. What an earlier process left there is replaced: whoever holds the
    /// journal's lock is alone in the folder.
    ///
    /// # Errors
    /// When the folder cannot be written to, or the path is too long for a socket.
    pub fn bind(path: &Path) -> Result<ControlSocket, BindError> {
        let failed = |error| BindError { path: path.to_owned(), error };
        // It is bound in a folder that nobody else may enter and shown when its mode is right, since between
        // the two others could connect.
        let hidden = path.with_extension("new");
        let _ = fs::remove_dir_all(&hidden);
        DirBuilder::new().mode(0o700).create(&hidden).map_err(failed)?;
        let inside = hidden.join("s");
        let bound = UnixListener::bind(&inside).and_then(|listener| {
            fs::set_permissions(&inside, Permissions::from_mode(0o600))?;
            fs::rename(&inside, path)?;
            Ok(listener)
        });
        let _ = fs::remove_dir_all(&hidden);
        Ok(ControlSocket { listener: bound.map_err(failed)?, path: path.to_owned() })
    }

    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        self.listener.accept().await.map(|(stream, _)| stream)
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.error)?;
        if self.error.kind() == io::ErrorKind::InvalidInput {
            f.write_str(
                "; the path of a socket has about 100 characters at most: give `data` a shorter one",
            )?;
        }
        Ok(())
    }
}

impl std::error::Error for BindError {}
