/// The version of Apus.
package enum ServerVersion {
    /// As in `apus --version` and ServerMetadata.
    package static let current = "0.1.0"
}
