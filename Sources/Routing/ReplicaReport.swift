package import Vocabulary

/// Names a replica: one server among those that serve the same models, by its address.
package struct ReplicaID: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// Such as `10.0.0.5:8461`.
    package let address: String

    package init(_ address: String) { self.address = address }

    package static func < (lhs: ReplicaID, rhs: ReplicaID) -> Bool { lhs.address < rhs.address }

    package var description: String { address }
}

/// What a replica says about itself.
package struct ReplicaReport: Equatable, Sendable {
    /// One version of one model that would answer.
    package struct Model: Equatable, Sendable {
        package let name: ModelName
        package let version: ModelVersion
        /// How long a request would wait now.
        package let waitNanoseconds: UInt64
        /// What one more request adds to that.
        package let serviceNanoseconds: UInt64
        /// `text`, `vision`, `graph` or `tensor`; empty when the replica does not say.
        package let modality: String
        package let task: ServedTask
        /// Requests that have begun and not ended, which share the machine with one that comes.
        package let runningCount: UInt64

        package init(
            name: ModelName, version: ModelVersion, waitNanoseconds: UInt64, serviceNanoseconds: UInt64,
            modality: String = "", task: ServedTask = .unknown, runningCount: UInt64 = 0
        ) {
            self.name = name
            self.version = version
            self.modality = modality
            self.runningCount = runningCount
            self.task = task
            self.waitNanoseconds = waitNanoseconds
            self.serviceNanoseconds = serviceNanoseconds
        }

        /// Whether it is the same version of the same model, however busy.
        func isSame(as other: Model) -> Bool {
            version == other.version && name == other.name && modality == other.modality
                && task == other.task
        }
    }

    /// By name, the versions of each ascending, no version twice.
    package let models: [Model]
    /// Whether it takes no new calls.
    package let isDraining: Bool

    package init(models: [Model], isDraining: Bool = false) {
        let sorted = models.sorted { ($0.name.name, $0.version) < ($1.name.name, $1.version) }
        var different: [Model] = []
        for model in sorted {
            if let last = different.last, last.name == model.name, last.version == model.version { continue }
            different.append(model)
        }
        self.models = different
        self.isDraining = isDraining
    }

    /// Whether it tells of the same models, however busy they are.
    func hasSameModels(as other: ReplicaReport) -> Bool {
        models.count == other.models.count && zip(models, other.models).allSatisfy { $0.isSame(as: $1) }
    }
}

/// What a model of a replica does, as far as routing has to know it.
package enum ServedTask: Hashable, Sendable {
    /// The replica does not say.
    case unknown
    /// It turns texts into vectors, and does nothing else.
    case embed
    case other
}
