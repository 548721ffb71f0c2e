use crate::projection::{read_place, write_place};
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use store::Place;

/// The file in which a webhook keeps its place: everything before it was delivered or quarantined.
#[derive(Clone, Debug)]
pub struct PlaceFile(PathBuf);

/// Why there is no place.
#[derive(Debug)]
pub enum PlaceFileError {
    /// The file or its folder.
    Io(PathBuf, io::Error),
    /// The file holds no place.
    Form(PathBuf),
}

impl PlaceFile {
    /// The file here; its folder is made (0700).
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new(path: PathBuf) -> Result<PlaceFile, PlaceFileError> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| PlaceFileError::Io(folder.to_owned(), error))?;
        Ok(PlaceFile(path))
    }

    /// The place, if one was ever kept.
    ///
    /// # Errors
    /// When the file cannot be read or holds no place.
    pub fn read(&self) -> Result<Option<Place>, PlaceFileError> {
        match fs::read_to_string(&self.0) {
            Ok(text) => {
                read_place(text.trim_end()).map(Some).ok_or_else(|| PlaceFileError::Form(self.0.clone()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(PlaceFileError::Io(self.0.clone(), error)),
        }
    }

    /// Keeps a place, durably and whole (0600).
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, place: &Place) -> Result<(), PlaceFileError> {
        let text = write_place(place) + "\n";
        store::replace_private_file(&self.0, text.as_bytes())
            .map_err(|error| PlaceFileError::Io(self.0.clone(), error))
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl fmt::Display for PlaceFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlaceFileError::Io(path, error) => write!(f, "{}: {error}", path.display()),
            PlaceFileError::Form(path) => write!(
                f,
                "{}: holds no place of the journal; bring it back from a backup, or remove it to begin with what \
                 happens from now on",
                path.display()
            ),
        }
    }
}

impl std::error::Error for PlaceFileError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use store::Sequence;

    #[test]
    fn places_are_kept_privately() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("webhooks").join("bank.place");
        let file = PlaceFile::new(path.clone()).unwrap();
        assert_eq!(file.read().unwrap(), None);
        for offset in [10, 20] {
            let place = Place { segment: 3, offset, positions: vec![Sequence(offset), Sequence(0)] };
            file.write(&place).unwrap();
            assert_eq!(file.read().unwrap(), Some(place));
        }
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        fs::write(&path, "3:x:1\n").unwrap();
        assert!(matches!(file.read(), Err(PlaceFileError::Form(_))));
    }
}
