import Compute
import Testing

@Suite struct WorkspaceTests {
    @Test("pieces are aligned and apart, and after a warm-up nothing is allocated any more")
    func reuse() throws {
        let workspace = Workspace()
        var capacities: [Int] = []
        for _ in 0..<4 {
            workspace.reset()
            var end: UnsafeMutablePointer<Float>?
            for count in [1, 100, 17, 1000] {
                let piece = try workspace.floats(count)
                #expect(Int(bitPattern: piece) % 64 == 0)
                if let end, capacities.count > 1 { #expect(piece >= end) }
                for i in 0..<count { piece[i] = 1 }
                end = piece + count
            }
            capacities.append(workspace.capacity)
        }
        #expect(capacities[1] == capacities[2] && capacities[2] == capacities[3])
    }

    @Test("memory that cannot exist is an error")
    func refuses() {
        #expect(throws: ComputeError.outOfMemory(byteCount: .max)) { try FloatStorage(zeros: Int.max / 2) }
        #expect(throws: ComputeError.outOfMemory(byteCount: 1 << 60)) { try FloatStorage(zeros: 1 << 58) }
    }
}
