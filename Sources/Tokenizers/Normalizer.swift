/// What is done to a text before it is cut into words; text is valid UTF-8 throughout.
enum Normalizer: Sendable {
    /// Puts a text in front of every text that is not empty.
    case prepend([UInt8])
    /// Replaces every match.
    case replace(WordPattern, by: [UInt8])
    case form(UnicodeForm)
    case lowercase
    /// Drops combining marks.
    case stripAccents
    /// Drops white space at the ends.
    case strip(left: Bool, right: Bool)
    /// Drops control characters and makes unusual spaces usual, as SentencePiece's NMT rules do.
    case nmt
    case bert(cleansText: Bool, separatesChinese: Bool, stripsAccents: Bool, lowercases: Bool)
    case charsMap(CharsMap, CharsMap.Matching)
    /// What SentencePiece does to white space.
    case sentencePieceSpaces(removesExtra: Bool)

    func callAsFunction(_ text: [UInt8]) -> [UInt8] {
        switch self {
        case .prepend(let prefix): return text.isEmpty ? text : prefix + text
        case .replace(let pattern, let replacement): return replacing(pattern, in: text, by: replacement)
        case .form(let form): return form(text)
        case .lowercase: return lowercased(text)
        case .stripAccents: return filtered(text) { ScalarClasses.bits($0) & ScalarClasses.marks == 0 }
        case .strip(let left, let right): return stripped(text, left: left, right: right)
        case .nmt: return withUsualSpaces(text)
        case .bert(let cleansText, let separatesChinese, let stripsAccents, let lowercases):
            var text = cleansText ? cleaned(text) : text
            if separatesChinese { text = withSpacesAroundChinese(text) }
            if stripsAccents {
                text = filtered(UnicodeForm.nfd(text)) { ScalarClasses.bits($0) & ScalarClasses.masks["Mn"]! == 0 }
            }
            return lowercases ? lowercased(text) : text
        case .charsMap(let map, let matching): return map.normalize(text, matching)
        case .sentencePieceSpaces(let removesExtra): return removesExtra ? withoutExtraSpaces(text) : text
        }
    }
}

private func replacing(_ pattern: WordPattern, in text: [UInt8], by replacement: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count + 16)
    pattern.forEachPiece(in: text, 0..<text.count) { piece, isMatch in
        if isMatch { result += replacement } else { result += text[piece] }
    }
    return result
}

/// `text` with each scalar replaced by what `body` appends for it.
private func mapped(_ text: [UInt8], _ body: (Unicode.Scalar, inout [UInt8]) -> Void) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count + 8)
    var index = 0
    while index < text.count {
        let (scalar, count) = decodeScalar(text, at: index)
        body(scalar, &result)
        index += count
    }
    return result
}

private func append(_ scalar: Unicode.Scalar, to result: inout [UInt8]) {
    if scalar.isASCII { result.append(UInt8(scalar.value)) } else { result += UTF8.encode(scalar)! }
}

private func filtered(_ text: [UInt8], _ keeps: (Unicode.Scalar) -> Bool) -> [UInt8] {
    mapped(text) { scalar, result in if keeps(scalar) { append(scalar, to: &result) } }
}

private func lowercased(_ text: [UInt8]) -> [UInt8] {
    mapped(text) { scalar, result in
        if scalar.isASCII {
            let byte = UInt8(scalar.value)
            result.append((0x41...0x5A).contains(byte) ? byte + 32 : byte)
        } else {
            result += scalar.properties.lowercaseMapping.utf8
        }
    }
}

private func isSpace(_ scalar: Unicode.Scalar) -> Bool { ScalarClasses.bits(scalar) & ScalarClasses.spaceBit != 0 }

private func stripped(_ text: [UInt8], left: Bool, right: Bool) -> [UInt8] {
    var start = 0
    var end = text.count
    while left, start < end {
        let (scalar, count) = decodeScalar(text, at: start)
        guard isSpace(scalar) else { break }
        start += count
    }
    while right, end > start {
        let last = startOfScalar(text, before: end)
        guard isSpace(decodeScalar(text, at: last).scalar) else { break }
        end = last
    }
    return Array(text[start..<end])
}

/// - Source: the rules of `nmt_nfkc` in SentencePiece's documentation of normalisation.
private func withUsualSpaces(_ text: [UInt8]) -> [UInt8] {
    mapped(text) { scalar, result in
        switch scalar.value {
        case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F: break
        case 0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD:
            result.append(0x20)
        default: append(scalar, to: &result)
        }
    }
}

/// Drops control characters and writes every white space as a space.
private func cleaned(_ text: [UInt8]) -> [UInt8] {
    mapped(text) { scalar, result in
        switch scalar.value {
        case 0x09, 0x0A, 0x0D: result.append(0x20)
        case 0, 0xFFFD: break
        default:
            let bits = ScalarClasses.bits(scalar)
            if bits & ScalarClasses.controls != 0 { break }
            if bits & ScalarClasses.spaceBit != 0 { result.append(0x20) } else { append(scalar, to: &result) }
        }
    }
}

/// - Source: the blocks that the reference implementation of BERT calls Chinese.
private func withSpacesAroundChinese(_ text: [UInt8]) -> [UInt8] {
    mapped(text) { scalar, result in
        switch scalar.value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
            0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
            result.append(0x20)
            append(scalar, to: &result)
            result.append(0x20)
        default: append(scalar, to: &result)
        }
    }
}

/// No spaces at the ends and only one between words.
private func withoutExtraSpaces(_ text: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    for byte in text where byte != 0x20 || (!result.isEmpty && result.last != 0x20) { result.append(byte) }
    // At the end a mark of space counts as one.
    while result.last == 0x20 || result.suffix(3).elementsEqual(VocabularyParts.spaceMark) {
        result.removeLast(result.last == 0x20 ? 1 : 3)
    }
    return result
}
