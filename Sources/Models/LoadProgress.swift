/// How far the loading of a model has come.
package struct LoadProgress: Sendable, Equatable {
    /// Bytes of weights in the model's files that are packed.
    package let doneByteCount: Int
    /// Bytes of weights in the model's files.
    package let totalByteCount: Int

    package init(doneByteCount: Int, totalByteCount: Int) {
        self.doneByteCount = doneByteCount
        self.totalByteCount = totalByteCount
    }

    /// In 0 … 1.
    package var share: Double {
        totalByteCount > 0 ? min(1, Double(doneByteCount) / Double(totalByteCount)) : 1
    }
}
