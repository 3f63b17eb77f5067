import Constraints
import Testing

@Suite struct TokenMaskTests {
    @Test("a mask holds the tokens that were put in and no others", arguments: [1, 63, 64, 65, 200])
    func contents(tokenCount: Int) {
        var mask = TokenMask(tokenCount: tokenCount)
        #expect(mask.first == nil && mask.count == 0)
        let inside = (0..<tokenCount).filter { $0 % 3 == 2 || $0 == tokenCount - 1 }
        for token in inside { mask.insert(Int32(token)) }
        for token in -2..<tokenCount + 70 { #expect(mask.contains(Int32(token)) == inside.contains(token)) }
        #expect(mask.count == inside.count && mask.first == Int32(inside[0]))
        mask.remove(Int32(inside[0]))
        mask.remove(Int32(tokenCount + 1))
        #expect(mask.count == inside.count - 1 && !mask.contains(Int32(inside[0])))
    }
}
