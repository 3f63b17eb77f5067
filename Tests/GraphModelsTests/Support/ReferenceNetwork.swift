import Foundation

/// The papers' formulas written down plainly in double precision, over sets of neighbours.
struct ReferenceNetwork {
    typealias Matrix = [[Double]]

    struct Head {
        let weight: Matrix
        let source: [Double]
        let destination: [Double]
        let sourceBias: Double
        let destinationBias: Double
        let bias: [Double]
    }

    enum Kind {
        case convolution(weight: Matrix, bias: [Double])
        case attention([Head], isMean: Bool, slope: Double)
    }

    enum Residual {
        case none, identity
        case projection(Matrix)
    }

    struct Layer {
        let kind: Kind
        let activation: String
        let residual: Residual
    }

    var layers: [Layer] = []

    /// Whom the nodes hear in one layer.
    struct Hearing {
        /// For each node the nodes it hears from, itself included.
        var sources: [Set<Int>]
        /// For each node what a neighbour of its counts; the node itself counts 1.
        var scales: [Double]
        /// For each node how many it hears when it hears all.
        let degrees: [Int]

        init(_ sources: [Set<Int>]) {
            self.sources = sources
            scales = sources.map { _ in 1 }
            degrees = sources.map(\.count)
        }

        func scale(_ source: Int, for node: Int) -> Double { source == node ? 1 : scales[node] }
    }

    /// Logits of every node; `sources` are for each node the nodes it hears from, itself included.
    func run(_ features: Matrix, sources: [Set<Int>]) -> Matrix {
        run(features, hearing: layers.map { _ in Hearing(sources) })
    }

    /// The same with whom the nodes hear in each layer.
    func run(_ features: Matrix, hearing: [Hearing]) -> Matrix {
        zip(layers, hearing).reduce(features) { values, step in
            let (layer, hearing) = step
            let gathered =
                switch layer.kind {
                case .convolution(let weight, let bias): Self.convolve(values, weight, bias, hearing)
                case .attention(let heads, let isMean, let slope): Self.attend(values, heads, isMean, slope, hearing)
                }
            let skipped: Matrix? =
                switch layer.residual {
                case .none: nil
                case .identity: values
                case .projection(let matrix): Self.multiply(values, matrix)
                }
            return gathered.indices.map { node in
                gathered[node].indices.map { column in
                    Self.activate(gathered[node][column] + (skipped?[node][column] ?? 0), layer.activation)
                }
            }
        }
    }

    private static func convolve(_ x: Matrix, _ weight: Matrix, _ bias: [Double], _ hearing: Hearing) -> Matrix {
        let projected = multiply(x, weight)
        return hearing.sources.indices.map { node in
            hearing.sources[node].reduce(into: bias) { sum, source in
                let degrees = Double(hearing.degrees[node]) * Double(hearing.degrees[source])
                let scale = hearing.scale(source, for: node) / degrees.squareRoot()
                for column in sum.indices { sum[column] += scale * projected[source][column] }
            }
        }
    }

    private static func attend(
        _ x: Matrix, _ heads: [Head], _ isMean: Bool, _ slope: Double, _ hearing: Hearing
    ) -> Matrix {
        let outputs = heads.map { attend(x, $0, slope, hearing) }
        return hearing.sources.indices.map { node in
            guard isMean else { return outputs.flatMap { $0[node] } }
            return outputs[0][node].indices.map { column in
                outputs.reduce(0) { $0 + $1[node][column] } / Double(heads.count)
            }
        }
    }

    private static func attend(_ x: Matrix, _ head: Head, _ slope: Double, _ hearing: Hearing) -> Matrix {
        let projected = multiply(x, head.weight)
        return hearing.sources.indices.map { node in
            let weights = hearing.sources[node].map { source -> (Int, Double) in
                let logit =
                    dot(projected[node], head.destination) + head.destinationBias
                    + dot(projected[source], head.source) + head.sourceBias
                return (source, hearing.scale(source, for: node) * exp(logit > 0 ? logit : slope * logit))
            }
            let total = weights.reduce(0) { $0 + $1.1 }
            return weights.reduce(into: head.bias) { sum, weighted in
                for column in sum.indices { sum[column] += weighted.1 / total * projected[weighted.0][column] }
            }
        }
    }

    private static func activate(_ value: Double, _ name: String) -> Double {
        switch name {
        case "relu": max(value, 0)
        case "elu": value > 0 ? value : exp(value) - 1
        default: value
        }
    }

    private static func dot(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }

    private static func multiply(_ x: Matrix, _ weight: Matrix) -> Matrix {
        x.map { row in weight[0].indices.map { column in dot(row, weight.map { $0[column] }) } }
    }
}
