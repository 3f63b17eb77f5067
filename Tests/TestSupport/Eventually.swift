/// Waits until `condition` holds, for state that another thread reaches in its own time.
///
/// - Returns: false when it does not hold after ten minutes, which is a failure of what is tested, not of timing: under
///   a sanitizer, a task waits for tens of seconds until other tests leave it a thread.
package func eventually(_ condition: () -> Bool) async -> Bool {
    let clock = ContinuousClock()
    let limit = clock.now.advanced(by: .seconds(600))
    while !condition() {
        guard clock.now < limit else { return false }
        try? await Task.sleep(for: .milliseconds(1))
    }
    return true
}
