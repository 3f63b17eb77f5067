import Compute
import Glibc

/// Cosines and sines of the rotary embedding.
///
/// Angle i of position p is `p · theta^(-2i / headSize)` for i in `0 ..< headSize / 2`, computed in float64.
///
/// - Source: Su et al. 2021, section 3.2.2.
struct RotaryTable {
    private let half: Int
    private let cosines: FloatStorage
    private let sines: FloatStorage

    /// The table for positions `0 ..< positionCount`.
    ///
    /// - Throws: `ComputeError.outOfMemory`.
    init(positionCount: Int, headSize: Int, theta: Float) throws(ComputeError) {
        half = headSize / 2
        let (count, overflow) = positionCount.multipliedReportingOverflow(by: half)
        guard !overflow else { throw .outOfMemory(byteCount: .max) }
        cosines = try FloatStorage(zeros: count)
        sines = try FloatStorage(zeros: count)
        for i in 0..<half {
            let frequency = pow(Double(theta), -2 * Double(i) / Double(headSize))
            for position in 0..<positionCount {
                cosines.base[position * half + i] = Float(cos(Double(position) * frequency))
                sines.base[position * half + i] = Float(sin(Double(position) * frequency))
            }
        }
    }

    /// `[headSize / 2]` of that position.
    func cosines(at position: Int) -> UnsafePointer<Float> { UnsafePointer(cosines.base + position * half) }
    /// `[headSize / 2]` of that position.
    func sines(at position: Int) -> UnsafePointer<Float> { UnsafePointer(sines.base + position * half) }
}
