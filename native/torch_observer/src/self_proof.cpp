#include "self_proof.h"

#include <malloc.h>

#include <cstring>
#include <functional>
#include <vector>

#include "cpu_gate.h"
#include "guarded_memory.h"
#include "proof_tools.h"
#include "record_hook.h"
#include "storage_view.h"

namespace tio {

namespace {

// Structure first, by guarded reads; the later steps may then follow pointers.
std::string prove_storage(const Symbols& symbols, const Layout& layout, const ProofTensor& tensor) {
    CpuGate& gate = CpuGate::instance();
    if (tensor.handle() == nullptr || tensor.data() == nullptr)
        return "cannot create a CPU tensor through libtorch's C ABI";
    char* impl = *static_cast<char**>(tensor.handle());
    if (!readable(impl + layout.tensor_storage, sizeof(void*)))
        return "TensorImpl: storage offset is not readable";
    char* storage = *reinterpret_cast<char**>(impl + layout.tensor_storage);
    const int32_t last = layout.storage_allocator + static_cast<int32_t>(sizeof(void*));
    if (!readable(storage, static_cast<size_t>(last)))
        return "TensorImpl: storage offset does not hold a StorageImpl";

    StorageView view(storage, layout);
    if (view.data() != tensor.data()) return "StorageImpl: data pointer differs from what libtorch reports";
    if (view.data_ptr().context.get() != tensor.data())
        return "StorageImpl: DataPtr context differs from its data";
    if (view.data_ptr().context.get_deleter() != gate.raw_deleter())
        return "StorageImpl: DataPtr deleter is not the allocator's";
    int64_t bytes = 0;
    if (symbols.get_storage_size(tensor.handle(), &bytes) != 0 ||
        view.bytes() != static_cast<uint64_t>(bytes)) {
        return "StorageImpl: size differs from what libtorch reports";
    }
    // Behind the object anything may lie, this very pointer too.
    if (static_cast<size_t>(last) > malloc_usable_size(storage))
        return "StorageImpl: allocator pointer lies outside of the object";
    if (*reinterpret_cast<abi::Allocator**>(storage + layout.storage_allocator) != &gate) {
        return "StorageImpl: allocator pointer is not the installed allocator";
    }
    // The flags are bytes between the size and the allocator, both known by now. Writing through a wrong
    // offset beyond the object would corrupt the heap.
    for (int32_t flag : {layout.storage_resizable, layout.storage_mutable_check, layout.storage_throw_mutable,
                         layout.storage_throw_immutable}) {
        const int32_t after_size = layout.storage_bytes + static_cast<int32_t>(sizeof(int64_t));
        if (flag < after_size || flag >= layout.storage_allocator)
            return "StorageImpl: a flag lies outside its place";
    }
    for (int32_t flag :
         {layout.storage_mutable_check, layout.storage_throw_mutable, layout.storage_throw_immutable}) {
        if (storage[flag] != 0) return "StorageImpl: an access-check flag of a fresh tensor is set";
    }
    return {};
}

// The flag is the one that libtorch obeys: with it off, it refuses to resize.
std::string prove_resizable(const Symbols& symbols, const Layout& layout, const ProofTensor& tensor) {
    char* storage = static_cast<char*>(tensor.storage(layout));
    char& resizable = storage[layout.storage_resizable];
    if (resizable != 1) return "StorageImpl: a fresh tensor does not look resizable";
    resizable = 0;
    const bool refused = throws([&] { symbols.resize_bytes_cpu(storage, kMatrixBytes); });
    resizable = 1;
    return refused ? std::string() : "StorageImpl: the resizable flag is not where expected";
}

// Each access-check flag, alone and together, does what its name says and shares no byte with the size.
std::string prove_flags(const Symbols& symbols, const Layout& layout, const ProofTensor& tensor) {
    char* storage = static_cast<char*>(tensor.storage(layout));
    const int32_t flags[] = {layout.storage_mutable_check, layout.storage_throw_mutable,
                             layout.storage_throw_immutable};
    const auto raise = [&](unsigned mask) {
        for (unsigned i = 0; i < 3; ++i) storage[flags[i]] = (mask >> i) & 1;
    };
    const auto size_holds = [&] {
        int64_t bytes = 0;
        return symbols.get_storage_size(tensor.handle(), &bytes) == 0 &&
               static_cast<uint64_t>(bytes) == kMatrixBytes;
    };
    for (int32_t flag : flags) {
        storage[flag] = 1;
        const bool holds = size_holds();
        storage[flag] = 0;
        if (!holds) return "StorageImpl: an access-check flag is not where expected";
    }
    const auto reads = [&] { symbols.resize_bytes_cpu(storage, kMatrixBytes); };
    const auto writes = [&] { symbols.native_zero(tensor.handle()); };
    raise(0b100);
    const bool refused_read = throws(reads);
    raise(0b001);
    const bool check_alone = throws(writes);
    raise(0b010);
    const bool throw_alone = throws(writes);
    raise(0b011);
    const bool refused_write = throws(writes);
    raise(0);
    if (!refused_read) return "StorageImpl: the flag that forbids reading is not where expected";
    if (check_alone || throw_alone || !refused_write)
        return "StorageImpl: the flags that forbid writing are not where expected";
    return {};
}

std::string prove_round_trip(const Symbols& symbols, const Layout& layout, const ProofTensor& tensor) {
    StorageView view(tensor.storage(layout), layout);
    std::vector<char> saved(kMatrixBytes);
    for (size_t i = 0; i < saved.size(); ++i) saved[i] = static_cast<char>(i * 31 + 7);
    std::memcpy(tensor.data(), saved.data(), saved.size());

    CpuGate& gate = CpuGate::instance();
    view.release(gate);
    if (view.bytes() != kMatrixBytes || view.data() == nullptr || !gate.is_tombstone(view.data())) {
        return "release: the storage does not hold a tombstone afterwards";
    }
    // Reading (resize copies the old bytes) and writing must both be refused while the bytes are away.
    if (!throws([&] { symbols.resize_bytes_cpu(view.storage(), kMatrixBytes); })) {
        return "release: libtorch still reads the data of a released storage";
    }
    if (!throws([&] { symbols.native_zero(tensor.handle()); }))
        return "release: libtorch still writes to a released storage";
    view.restore(gate);
    std::memcpy(view.data(), saved.data(), saved.size());
    view.set_open(true);
    if (tensor.data() == nullptr || std::memcmp(tensor.data(), saved.data(), saved.size()) != 0) {
        return "restore: the bytes did not come back";
    }
    return {};
}

// Looks at the raw bytes of a RecordFunction while its op runs, without trusting any offset.
constexpr size_t kImageBytes = 384;

struct RecordProbe {
    const char* op;  // the op to look at; others pass by
    const Symbols* symbols;
    std::function<std::string(const char* image, const char* name)> at_begin;
    std::function<std::string(const char* image)> at_end;
    std::string differs = "callbacks did not arrive";
};

RecordProbe* g_probe = nullptr;  // set only while run_probe runs

bool snapshot(const abi::RecordFunction& record, char* image) {
    if (!readable(&record, kImageBytes)) return false;
    std::memcpy(image, static_cast<const void*>(&record), kImageBytes);
    return true;
}

std::unique_ptr<abi::ObserverContext> probe_start(const abi::RecordFunction& record) {
    char image[kImageBytes];
    if (g_probe == nullptr || !snapshot(record, image)) return nullptr;
    const char* name = g_probe->symbols->record_name(&record);
    if (std::strcmp(name, g_probe->op) == 0) g_probe->differs = g_probe->at_begin(image, name);
    return nullptr;
}

void probe_end(const abi::RecordFunction& record, abi::ObserverContext*) {
    char image[kImageBytes];
    if (g_probe == nullptr || !snapshot(record, image) || !g_probe->differs.empty()) return;
    if (std::strcmp(g_probe->symbols->record_name(&record), g_probe->op) == 0)
        g_probe->differs = g_probe->at_end(image);
}

// Runs `op`, which must dispatch probe.op, and returns what differed.
template <class Op>
std::string run_probe(RecordProbe& probe, Op op) {
    abi::RecordFunctionCallback callback;
    callback.start = &probe_start;
    callback.end = &probe_end;
    callback.scopes[0] = true;
    callback.needs_inputs = true;
    callback.needs_outputs = true;
    g_probe = &probe;
    const uint64_t handle = probe.symbols->add_global_callback(callback);
    op();
    probe.symbols->remove_callback(handle);
    g_probe = nullptr;
    return probe.differs.empty() ? std::string()
                                 : "RecordFunction of " + std::string(probe.op) + ": " + probe.differs;
}

template <class T>
T from_image(const char* image, int32_t offset) {
    T value{};
    const auto at = static_cast<size_t>(offset);  // a negative offset becomes too large
    if (at <= kImageBytes - sizeof(T)) std::memcpy(&value, image + at, sizeof(T));
    return value;
}

bool holds_tensor(const void* values, const Layout& layout, const void* tensor_impl) {
    if (!readable(values, sizeof(abi::IValue))) return false;
    const auto& value = *static_cast<const abi::IValue*>(values);
    return value.tag == layout.tag_tensor && value.payload == tensor_impl;
}

// A range that was never started still knows its scope.
std::string prove_scope(const Symbols& symbols, const Layout& layout) {
    constexpr uint8_t kUserScope = 7;
    alignas(16) char memory[4 * kImageBytes] = {};
    symbols.construct_record(memory, kUserScope);
    const auto scope = from_image<uint8_t>(memory, layout.record_scope);
    const auto sequence = from_image<int64_t>(memory, layout.record_sequence);
    symbols.destroy_record(memory);
    if (scope != kUserScope) return "RecordFunction: scope is not where expected";
    if (sequence != -1) return "RecordFunction: sequence number is not where expected";
    return {};
}

std::string prove_record(const Symbols& symbols, const Layout& layout, const ProofTensor& tensor) {
    const void* impl = *static_cast<void**>(tensor.handle());
    RecordProbe probe{"aten::zero_", &symbols, {}, {}};
    probe.at_begin = [&](const char* image, const char* name) -> std::string {
        if (from_image<uint8_t>(image, layout.record_schema_index) != 1)
            return "no operator schema where expected";
        const auto* schema = from_image<const char* const*>(image, layout.record_schema);
        // FunctionSchema begins with the operator's name, whose text is what name() returned.
        if (!readable(schema, sizeof(char*)) || *schema != name) return "schema offset differs";
        if (from_image<size_t>(image, layout.record_inputs + 8) != 1 ||
            !holds_tensor(from_image<const void*>(image, layout.record_inputs), layout, impl)) {
            return "inputs are not where expected";
        }
        return {};
    };
    probe.at_end = [&](const char* image) -> std::string {
        const auto* first = from_image<const char*>(image, layout.record_outputs);
        const auto* last = from_image<const char*>(image, layout.record_outputs + 8);
        const bool one = last - first == static_cast<ptrdiff_t>(sizeof(abi::IValue));
        return one && holds_tensor(first, layout, impl) ? std::string() : "outputs are not where expected";
    };
    return run_probe(probe, [&] { symbols.zero(tensor.handle()); });
}

// index_put(self, Tensor?[] indices, values, ...): argument 1 is a list of tensors.
std::string prove_list(const Symbols& symbols, const Layout& layout) {
    ProofTensor self(symbols, {kSide, kSide}, kFloat32);
    ProofTensor out(symbols, {kSide, kSide}, kFloat32);
    ProofTensor index(symbols, {kSide}, kInt64);
    if (self.handle() == nullptr || out.handle() == nullptr || index.handle() == nullptr) {
        return "cannot create a CPU tensor through libtorch's C ABI";
    }
    symbols.native_zero(self.handle());
    symbols.native_zero(index.handle());
    const void* index_impl = *static_cast<void**>(index.handle());
    RecordProbe probe{"aten::index_put", &symbols, {}, {}};
    probe.at_begin = [&](const char* image, const char*) -> std::string {
        const auto* inputs = from_image<const abi::IValue*>(image, layout.record_inputs);
        if (!readable(inputs, 2 * sizeof(abi::IValue)) || inputs[1].tag != layout.tag_list)
            return "no list where expected";
        const char* vector = static_cast<const char*>(inputs[1].payload) + layout.list_vector;
        if (!readable(vector, 2 * sizeof(void*))) return "the list's elements are not where expected";
        const auto* first = *reinterpret_cast<const char* const*>(vector);
        const auto* last = *reinterpret_cast<const char* const*>(vector + sizeof(void*));
        const bool one = last - first == static_cast<ptrdiff_t>(sizeof(abi::IValue));
        return one && holds_tensor(first, layout, index_impl) ? std::string()
                                                              : "the list's elements are not where expected";
    };
    probe.at_end = [](const char*) { return std::string(); };
    void* rows[] = {index.handle()};
    return run_probe(
        probe, [&] { symbols.index_put_out(out.handle(), self.handle(), rows, 1, self.handle(), false); });
}

// The whole chain, hook included, on ops whose operands are known: in-place, with an output, with an out=
// argument.
std::string prove_ops(const Symbols& symbols, const Layout& layout) {
    ProofTensor a(symbols, {kSide, kSide}, kFloat32);
    ProofTensor b(symbols, {kSide, kSide}, kFloat32);
    ProofTensor out(symbols, {kSide, kSide}, kFloat32);
    for (const ProofTensor* tensor : {&a, &b, &out}) {
        if (tensor->handle() == nullptr) return "cannot create a CPU tensor through libtorch's C ABI";
    }
    Witness witness;
    tio_obs_handlers handlers{};
    witness.fill(handlers);
    void* copy = nullptr;
    RecordHook::install(symbols, layout, CpuGate::instance(), &handlers, {kMatrixBytes, 0});
    int32_t failed = symbols.zero(a.handle());
    failed |= symbols.zero(b.handle());
    failed |= symbols.clone(a.handle(), &copy);
    failed |= symbols.mm_out(out.handle(), a.handle(), b.handle());
    RecordHook::uninstall();
    void* copy_storage = copy == nullptr
                             ? nullptr
                             : *reinterpret_cast<void**>(*static_cast<char**>(copy) + layout.tensor_storage);
    void* copy_data = copy_storage == nullptr ? nullptr : StorageView(copy_storage, layout).data();
    if (copy != nullptr) symbols.delete_tensor(copy);
    if (failed != 0) return "a proof op failed inside libtorch";

    void* storage_a = a.storage(layout);
    void* storage_b = b.storage(layout);
    void* storage_out = out.storage(layout);
    std::string differs = check_operand(witness.find("aten::zero_(Tensor(a!) self)", true), "aten::zero_", 0,
                                        storage_a, a.data(), 0);
    if (differs.empty())
        differs = check_operand(witness.find("aten::clone(", true), "aten::clone", 0, storage_a, a.data(), 0);
    if (differs.empty())
        differs = check_operand(witness.find("aten::clone(", false), "aten::clone result", 0, copy_storage,
                                copy_data, 0);
    const Witness::Seen* mm = witness.find("aten::mm.out(", true);
    if (differs.empty()) differs = check_operand(mm, "aten::mm.out", 0, storage_a, a.data(), 0);
    if (differs.empty()) differs = check_operand(mm, "aten::mm.out", 1, storage_b, b.data(), 1);
    if (differs.empty()) differs = check_operand(mm, "aten::mm.out", 2, storage_out, out.data(), 2);
    if (!differs.empty()) return differs;
    return mm->depth == 0 && mm->scope == 0 ? std::string() : "aten::mm.out: depth or scope differs";
}

}  // namespace

std::string prove(const Symbols& symbols, const Layout& layout) {
    ProofTensor tensor(symbols, {kSide, kSide}, kFloat32);
    std::string differs = prove_storage(symbols, layout, tensor);
    if (differs.empty()) differs = prove_resizable(symbols, layout, tensor);
    if (differs.empty()) differs = prove_flags(symbols, layout, tensor);
    if (differs.empty()) differs = prove_round_trip(symbols, layout, tensor);
    if (differs.empty()) differs = prove_scope(symbols, layout);
    if (differs.empty()) differs = prove_record(symbols, layout, tensor);
    if (differs.empty()) differs = prove_list(symbols, layout);
    if (differs.empty()) differs = prove_ops(symbols, layout);
    return differs;
}

}  // namespace tio
