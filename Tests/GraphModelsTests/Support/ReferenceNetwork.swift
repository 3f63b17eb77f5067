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

    /// Logits of every node; `sources` are for each node the nodes it hears from, itself included.
    func run(_ features: Matrix, sources: [Set<Int>]) -> Matrix {
        layers.reduce(features) { values, layer in
            let gathered =
                switch layer.kind {
                case .convolution(let weight, let bias): Self.convolve(values, weight, bias, sources)
                case .attention(let heads, let isMean, let slope): Self.attend(values, heads, isMean, slope, sources)
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

    private static func convolve(_ x: Matrix, _ weight: Matrix, _ bias: [Double], _ sources: [Set<Int>]) -> Matrix {
        let projected = multiply(x, weight)
        return sources.indices.map { node in
            sources[node].reduce(into: bias) { sum, source in
                let scale = 1 / (Double(sources[node].count) * Double(sources[source].count)).squareRoot()
                for column in sum.indices { sum[column] += scale * projected[source][column] }
            }
        }
    }

    private static func attend(
        _ x: Matrix, _ heads: [Head], _ isMean: Bool, _ slope: Double, _ sources: [Set<Int>]
    ) -> Matrix {
        let outputs = heads.map { attend(x, $0, slope, sources) }
        return sources.indices.map { node in
            guard isMean else { return outputs.flatMap { $0[node] } }
            return outputs[0][node].indices.map { column in
                outputs.reduce(0) { $0 + $1[node][column] } / Double(heads.count)
            }
        }
    }

    private static func attend(_ x: Matrix, _ head: Head, _ slope: Double, _ sources: [Set<Int>]) -> Matrix {
        let projected = multiply(x, head.weight)
        return sources.indices.map { node in
            let weights = sources[node].map { source -> (Int, Double) in
                let logit =
                    dot(projected[node], head.destination) + head.destinationBias
                    + dot(projected[source], head.source) + head.sourceBias
                return (source, exp(logit > 0 ? logit : slope * logit))
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
