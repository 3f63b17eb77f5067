import FoundationEssentials
import Vocabulary

/// What sentence-transformers keeps beside a model: the modules that make a vector of a text, one after the other.
struct SentenceModules {
    /// One module as `modules.json` lists it.
    private struct Module: Decodable {
        let type: String
        /// Its folder; empty for the model's own.
        let path: String
    }

    private let directory: String
    /// The folder of the pooling module, nil where nothing is said.
    private let poolingFolder: String?

    private static let byteCountMax = 1 << 20

    /// Reads `modules.json`, where there is one.
    ///
    /// - Throws: `ModelFileError` naming a module that is not computed here.
    init(directory: String) throws(ModelFileError) {
        self.directory = directory
        let file = directory + "/modules.json"
        guard FileManager.default.fileExists(atPath: file) else {
            let usual = "1_Pooling"
            poolingFolder =
                FileManager.default.fileExists(atPath: "\(directory)/\(usual)/config.json") ? usual : nil
            return
        }
        let modules = try JSONFile.decode([Module].self, path: file, byteCountMax: Self.byteCountMax)
        var poolingFolder: String?
        for (index, module) in modules.enumerated() {
            let name = module.type.split(separator: ".").last.map(String.init) ?? ""
            let isKnown =
                switch name {
                case "Transformer": index == 0
                case "Pooling": index == 1
                case "Normalize": index == 2
                default: false
                }
            guard isKnown else {
                throw ModelFileError(
                    file: file, field: "\"[\(index)].type\"",
                    problem: "expected Transformer, Pooling and Normalize in this order, got "
                        + "\"\(module.type.shown())\"")
            }
            guard name == "Pooling" else { continue }
            // A folder of this model, not anywhere on the machine.
            guard !module.path.isEmpty, !module.path.hasPrefix("/"), !module.path.contains("..") else {
                throw ModelFileError(
                    file: file, field: "\"[\(index)].path\"",
                    problem: "expected a folder beside the file, got \"\(module.path.shown())\"")
            }
            poolingFolder = module.path
        }
        self.poolingFolder = poolingFolder
    }

    /// How the hidden states become one vector; nil where nothing is said.
    func pooling() throws(ModelFileError) -> EncoderDescription.Pooling? {
        guard let poolingFolder else { return nil }
        let fields = try ConfigurationFields(path: "\(directory)/\(poolingFolder)/config.json")
        if let mode = try fields.string("pooling_mode") {
            switch mode {
            case "mean": return .mean
            case "cls": return .firstToken
            default: throw fields.error("pooling_mode", "expected mean or cls, got \"\(mode.shown())\"")
            }
        }
        // Several at once would be several vectors side by side.
        for name in ["max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"] {
            try fields.require("pooling_mode_" + name, false)
        }
        let isMean = try fields.flag("pooling_mode_mean_tokens") ?? false
        let isFirst = try fields.flag("pooling_mode_cls_token") ?? false
        guard isMean != isFirst else {
            throw fields.error("pooling_mode_mean_tokens", "expected either this or pooling_mode_cls_token to be true")
        }
        return isMean ? .mean : .firstToken
    }

    /// Most tokens of a text by `sentence_bert_config.json`.
    func lengthMax() throws(ModelFileError) -> Int? {
        try sentenceFields().map { fields throws(ModelFileError) in
            try fields.optionalSize("max_seq_length", max: 1 << 20)
        } ?? nil
    }

    /// Whether `sentence_bert_config.json` wants texts in lower case.
    func lowercases() throws(ModelFileError) -> Bool {
        try sentenceFields().map { fields throws(ModelFileError) in try fields.flag("do_lower_case") ?? false } ?? false
    }

    /// Texts that may stand in front of another, by name, by `config_sentence_transformers.json`.
    func prompts() throws(ModelFileError) -> [String: String] {
        struct Settings: Decodable { let prompts: [String: String]? }
        let path = directory + "/config_sentence_transformers.json"
        guard FileManager.default.fileExists(atPath: path) else { return [:] }
        return try JSONFile.decode(Settings.self, path: path, byteCountMax: Self.byteCountMax).prompts ?? [:]
    }

    private func sentenceFields() throws(ModelFileError) -> ConfigurationFields? {
        let path = directory + "/sentence_bert_config.json"
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        return try ConfigurationFields(path: path)
    }
}
