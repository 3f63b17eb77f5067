import Compute
import Glibc
import ModelFiles

/// Cosines and sines of a rotary embedding for the positions of a context, computed in float64.
struct RotaryTable {
    /// Elements of a head that are rotated, from its first.
    let rotatedSize: Int
    private let half: Int
    private let cosines: FloatStorage
    private let sines: FloatStorage

    /// The table for positions `0 ..< positionCount`.
    ///
    /// - Throws: `ComputeError.outOfMemory`.
    init(positionCount: Int, _ rotary: RotaryEmbedding) throws(ComputeError) {
        half = rotary.frequencies.count
        rotatedSize = 2 * half
        let (count, overflow) = positionCount.multipliedReportingOverflow(by: half)
        guard !overflow else { throw .outOfMemory(byteCount: .max) }
        cosines = try FloatStorage(zeros: count)
        sines = try FloatStorage(zeros: count)
        for (i, frequency) in rotary.frequencies.enumerated() {
            for position in 0..<positionCount {
                let angle = Double(position) * frequency
                cosines.base[position * half + i] = Float(rotary.amplitude * cos(angle))
                sines.base[position * half + i] = Float(rotary.amplitude * sin(angle))
            }
        }
    }

    /// `[rotatedSize / 2]` of that position.
    func cosines(at position: Int) -> UnsafePointer<Float> { UnsafePointer(cosines.base + position * half) }
    /// `[rotatedSize / 2]` of that position.
    func sines(at position: Int) -> UnsafePointer<Float> { UnsafePointer(sines.base + position * half) }
}
