import ApusClient
import ArgumentParser

/// `apus call graph`: what nodes are.
struct CallGraphCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "graph",
        abstract: "Let a graph model say what nodes of its graph are.",
        discussion: """
            Nodes are counted from 0; without --nodes the model answers for all of them. For example:

              apus call graph --model karate --nodes 0,33

            With --fanout every node hears a sample of its neighbours, so many a layer, the last layer first:

              apus call graph --model karate --nodes 0,33 --fanout 5,5 --sampling-seed 7
            """)

    @OptionGroup var call: CallOptions

    @Option(help: ArgumentHelp("Which nodes, e.g. 0,33.", valueName: "list"))
    var nodes: NodeList = NodeList(nodes: [])

    @Option(help: ArgumentHelp("How many neighbours a node hears in each layer, 0 for all.", valueName: "list"))
    var fanout: NodeList = NodeList(nodes: [])

    @Option(help: "Which neighbours those are.")
    var samplingSeed: UInt64 = 0

    func run() async throws {
        let (call, nodes) = (call, nodes.nodes)
        let sampling = fanout.nodes.isEmpty ? nil : NeighbourSampling(fanout: fanout.nodes, seed: samplingSeed)
        try await call.withClient { client in
            let classes = try await client.predict(
                model: call.model, version: call.modelVersion, nodes: nodes, sampling: sampling,
                timeout: call.timeout?.duration)
            let rows = classes.predictions.map { prediction in
                let label = prediction.label.isEmpty ? "class \(prediction.classIndex)" : prediction.label
                let probability =
                    prediction.probabilities.indices.contains(prediction.classIndex)
                    ? prediction.probabilities[prediction.classIndex] : 0
                return ["node \(prediction.node)", label, percent(probability), bar(probability)]
            }
            Console.write(columns(rows) + "\n")
        }
    }
}

/// Nodes on the command line: numbers with commas between.
struct NodeList: ExpressibleByArgument {
    let nodes: [Int]

    init(nodes: [Int]) { self.nodes = nodes }

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
        let nodes = parts.compactMap { UInt32($0) }
        guard nodes.count == parts.count else { return nil }
        self.nodes = nodes.map(Int.init)
    }

    var defaultValueDescription: String { nodes.isEmpty ? "all" : nodes.map(String.init).joined(separator: ",") }
}
