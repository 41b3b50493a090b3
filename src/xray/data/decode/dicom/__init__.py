"""Read DICOM files as grey images."""
