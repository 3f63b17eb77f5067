/// One line of measurement: a counter, a gauge or a histogram with one set of label values.
package protocol MetricSeries: AnyObject, Sendable {
    /// The word after the name in a `# TYPE` line.
    static var kind: String { get }

    /// Writes the present value as lines of the exposition.
    ///
    /// - Parameters:
    ///   - output: text so far; whole lines are appended.
    ///   - name: the family's name.
    ///   - labels: `name="value"` pairs already escaped and joined by commas; empty without labels.
    func write(into output: inout String, name: String, labels: String)
}
