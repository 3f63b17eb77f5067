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

        package init(
            name: ModelName, version: ModelVersion, waitNanoseconds: UInt64, serviceNanoseconds: UInt64,
            modality: String = "", task: ServedTask = .unknown
        ) {
            self.name = name
            self.version = version
            self.modality = modality
            self.task = task
            self.waitNanoseconds = waitNanoseconds
            self.serviceNanoseconds = serviceNanoseconds
        }
    }

    package var models: [Model]
    /// Whether it takes no new calls.
    package var isDraining: Bool

    package init(models: [Model], isDraining: Bool = false) {
        self.models = models
        self.isDraining = isDraining
    }

    /// The version asked for, or the latest.
    func model(_ selector: ModelSelector) -> Model? {
        models.filter { $0.name == selector.name && (selector.version == nil || $0.version == selector.version) }
            .max { $0.version < $1.version }
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
