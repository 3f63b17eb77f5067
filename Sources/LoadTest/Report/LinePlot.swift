/// Lines over a plane, as SVG; colours come from the page's style, so that they suit its light and its dark form.
struct LinePlot {
    /// One line.
    struct Series {
        let name: String
        /// The place of its colour.
        let color: Int
        /// Of an earlier measurement beside a later one.
        let isDashed: Bool
        /// Nil where the line is interrupted.
        let points: [(x: Double, y: Double)?]
    }

    /// Colours there are in the style.
    static let colorCount = 8

    private static let width = 560.0
    private static let height = 270.0
    private static let margin = (left: 66.0, right: 18.0, top: 14.0, bottom: 46.0)

    let title: String
    let note: String
    let x: Axis
    let y: Axis
    let series: [Series]

    /// A figure with heading, legend and picture.
    var html: String {
        """
        <figure>
        <figcaption><strong>\(Markup.escape(title))</strong> \(Markup.escape(note))</figcaption>
        \(legend)
        <svg viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" role="img" aria-label="\(Markup.escape(title))">
        \(axes)
        \(series.map(line).joined(separator: "\n"))
        </svg>
        </figure>
        """
    }

    private var legend: String {
        let entries = series.map { series in
            "<span class=\"key\"><svg class=\"swatch\" viewBox=\"0 0 24 8\" aria-hidden=\"true\">"
                + "<line class=\"\(Self.style(series))\" x1=\"0\" y1=\"4\" x2=\"24\" y2=\"4\"/></svg>"
                + "\(Markup.escape(series.name))</span>"
        }
        return "<div class=\"legend\">\(entries.joined(separator: " "))</div>"
    }

    private static func style(_ series: Series) -> String {
        "line c\(series.color % colorCount)\(series.isDashed ? " dashed" : "")"
    }

    private func horizontal(_ value: Double) -> Double {
        Self.margin.left + x.place(value) * (Self.width - Self.margin.left - Self.margin.right)
    }

    private func vertical(_ value: Double) -> Double {
        Self.height - Self.margin.bottom - y.place(value) * (Self.height - Self.margin.top - Self.margin.bottom)
    }

    private var axes: String {
        let left = Self.margin.left
        let right = Self.width - Self.margin.right
        let bottom = Self.height - Self.margin.bottom
        let horizontals = y.ticks.map { tick in
            let place = Markup.coordinate(vertical(tick.value))
            let text = Markup.coordinate(vertical(tick.value) + 4)
            return """
                <line class="grid" x1="\(left)" y1="\(place)" x2="\(right)" y2="\(place)"/>\
                <text x="\(left - 8)" y="\(text)" text-anchor="end">\(Markup.escape(tick.label))</text>
                """
        }
        let verticals = x.ticks.map { tick in
            let place = Markup.coordinate(horizontal(tick.value))
            return """
                <line class="tick" x1="\(place)" y1="\(bottom)" x2="\(place)" y2="\(bottom + 5)"/>\
                <text x="\(place)" y="\(bottom + 18)" text-anchor="middle">\(Markup.escape(tick.label))</text>
                """
        }
        return """
            \(horizontals.joined(separator: "\n"))
            <line class="axis" x1="\(left)" y1="\(bottom)" x2="\(right)" y2="\(bottom)"/>
            \(verticals.joined(separator: "\n"))
            <text class="axis-name" x="\(Markup.coordinate((left + right) / 2))" y="\(Self.height - 8)" \
            text-anchor="middle">\(Markup.escape(x.name))</text>
            """
    }

    private func line(_ series: Series) -> String {
        var path = ""
        var lonely: [(Double, Double)] = []
        for (index, point) in series.points.enumerated() {
            guard let point else { continue }
            let place = (horizontal(point.x), vertical(point.y))
            let follows = index > 0 && series.points[index - 1] != nil
            path += "\(follows ? "L" : "M")\(Markup.coordinate(place.0)) \(Markup.coordinate(place.1))"
            let goesOn = index + 1 < series.points.count && series.points[index + 1] != nil
            // A point between two gaps has no line to be seen by.
            if !follows, !goesOn { lonely.append(place) }
        }
        let dots = lonely.map { x, y in
            "<circle class=\"dot c\(series.color % Self.colorCount)\" cx=\"\(Markup.coordinate(x))\" "
                + "cy=\"\(Markup.coordinate(y))\" r=\"2.5\"/>"
        }
        let style = Self.style(series)
        let name = Markup.escape(series.name)
        return "<path class=\"\(style)\" d=\"\(path)\"><title>\(name)</title></path>\(dots.joined())"
    }
}
