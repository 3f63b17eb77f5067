package import Vocabulary

/// A matrix as it stands in a file, and where its rows are: read row by row, it is never in memory as a whole.
package struct StoredMatrix: Sendable {
    /// As in the file.
    package let tensor: StoredTensor
    /// Whether the file has outputs by inputs where the layout of Hugging Face is inputs by outputs.
    package let isTurned: Bool
    /// Heads whose rows lie in pairs in the file; nil where rows lie as they should.
    let pairedHeadCount: Int?

    package init(_ tensor: StoredTensor, isTurned: Bool = false, pairedHeadCount: Int? = nil) {
        self.tensor = tensor
        self.isTurned = isTurned
        self.pairedHeadCount = pairedHeadCount
    }

    /// Whether neighbouring rows lie side by side in the file.
    package var isInOrder: Bool { pairedHeadCount == nil }

    /// Bytes of one row of the file.
    package var rowByteCount: Int {
        guard let rowCount = tensor.shape.first, rowCount > 0 else { return 0 }
        return tensor.data.count / rowCount
    }

    /// The bytes of the rows `range` of the file.
    ///
    /// - Precondition: the rows are there.
    package func rows(_ range: Range<Int>) -> Bytes {
        tensor.data[range.lowerBound * rowByteCount..<range.upperBound * rowByteCount]
    }

    /// Which row of the file is row `row` of the matrix.
    package func storedRow(of row: Int) -> Int {
        guard let headCount = pairedHeadCount else { return row }
        let half = tensor.shape[0] / headCount / 2
        let (head, inHead) = row.quotientAndRemainder(dividingBy: 2 * half)
        return head * 2 * half + inHead % half * 2 + inHead / half
    }
}
