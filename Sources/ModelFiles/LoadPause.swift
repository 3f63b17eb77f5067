import CLinux

/// Pauses in the work of whoever reads a model while others are served.
///
/// Why here: what is read is a list of a hundred thousand entries as often as it is numbers, and to go through that
/// takes as long as a dozen calls.
package enum LoadPause {
    /// Pauses now if the calling thread has a pace, and has worked for its share of the time; costs next to nothing on
    /// any other.
    package static func takeIfDue() { apus_pause_if_due() }
}
