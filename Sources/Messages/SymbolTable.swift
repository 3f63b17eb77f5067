import Vocabulary

/// Where each name is declared, gathered by walking file descriptors.
///
/// - Source: field numbers are those of google/protobuf/descriptor.proto.
struct SymbolTable {
    /// Full name of everything declared -> path of the file.
    private(set) var fileNames: [String: String] = [:]
    /// Full names of services.
    private(set) var services: [String] = []
    /// `/package.Service/Method` of every method.
    private(set) var methodPaths: [String] = []
    /// Full names of message types.
    private(set) var messageTypes: Set<String> = []

    /// Adds everything that a `FileDescriptorProto` declares.
    mutating func addFile(_ file: Bytes, named fileName: String) {
        let package = WireReader.text(of: file, number: 2)
        for field in WireReader(file) {
            guard case .bytes(let declaration) = field.value else { continue }
            switch field.number {
            case 4: addMessage(declaration, in: package, of: fileName)
            case 5: addEnum(declaration, in: package, of: fileName)
            case 6: addService(declaration, in: package, of: fileName)
            default: break
            }
        }
    }

    /// A `DescriptorProto`: fields, nested types, enums and oneofs below it.
    private mutating func addMessage(_ message: Bytes, in scope: String, of fileName: String) {
        let name = add(message, in: scope, of: fileName)
        messageTypes.insert(name)
        for field in WireReader(message) {
            guard case .bytes(let declaration) = field.value else { continue }
            switch field.number {
            case 2, 8: add(declaration, in: name, of: fileName)
            case 3: addMessage(declaration, in: name, of: fileName)
            case 4: addEnum(declaration, in: name, of: fileName)
            default: break
            }
        }
    }

    /// An `EnumDescriptorProto`; its values belong, by the rules of C++, to the scope around it.
    private mutating func addEnum(_ declaration: Bytes, in scope: String, of fileName: String) {
        add(declaration, in: scope, of: fileName)
        for value in WireReader.contents(of: declaration, number: 2) {
            add(value, in: scope, of: fileName)
        }
    }

    /// A `ServiceDescriptorProto` and its methods.
    private mutating func addService(_ service: Bytes, in scope: String, of fileName: String) {
        let name = add(service, in: scope, of: fileName)
        services.append(name)
        for method in WireReader.contents(of: service, number: 2) {
            add(method, in: name, of: fileName)
            methodPaths.append("/\(name)/\(WireReader.text(of: method, number: 1))")
        }
    }

    /// The full name of a declaration, whose own name is field 1 in every kind of descriptor.
    @discardableResult
    private mutating func add(_ declaration: Bytes, in scope: String, of fileName: String) -> String {
        let name = WireReader.text(of: declaration, number: 1)
        let fullName = scope.isEmpty ? name : "\(scope).\(name)"
        fileNames[fullName] = fileName
        return fullName
    }
}
