/// Waits until `condition` holds, for state that another thread reaches in its own time.
///
/// - Returns: false when it does not hold after 30 seconds, which is a failure of what is tested, not of timing.
package func eventually(_ condition: () -> Bool) async -> Bool {
    let clock = ContinuousClock()
    let limit = clock.now.advanced(by: .seconds(30))
    while !condition() {
        guard clock.now < limit else { return false }
        try? await Task.sleep(for: .milliseconds(1))
    }
    return true
}
