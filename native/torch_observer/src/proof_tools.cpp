#include "proof_tools.h"

namespace tio {

namespace {

void record(void* user, const tio_obs_event* event, bool begin) {
    auto& witness = *static_cast<Witness*>(user);
    witness.events.push_back({witness.schemas[event->op_id],
                              {event->operands, event->operands + event->operand_count},
                              event->depth,
                              event->scope,
                              begin});
}

void on_describe(void* user, const char* schema, tio_obs_traits* traits) {
    auto& witness = *static_cast<Witness*>(user);
    traits->op_id = static_cast<uint32_t>(witness.schemas.size());
    witness.schemas.emplace_back(schema);
}

void on_begin(void* user, const tio_obs_event* event) {
    record(user, event, true);
}

void on_end(void* user, const tio_obs_event* event) {
    record(user, event, false);
}

// Blocks come and go on other threads, too.
void on_allocated(void* user, void* data, uint64_t bytes, uint32_t) {
    auto& witness = *static_cast<Witness*>(user);
    if (witness.thread == std::this_thread::get_id()) witness.allocated.emplace_back(data, bytes);
}

int32_t on_freeing(void* user, void* data, uint64_t) {
    auto& witness = *static_cast<Witness*>(user);
    if (witness.thread == std::this_thread::get_id()) witness.freed.push_back(data);
    return 0;
}

}  // namespace

ProofTensor::ProofTensor(const Symbols& symbols, std::initializer_list<int64_t> sizes, int32_t dtype,
                         abi::Device device)
    : symbols_(symbols) {
    std::vector<int64_t> shape(sizes);
    std::vector<int64_t> strides(shape.size(), 1);
    for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
    if (symbols.empty_strided(static_cast<int64_t>(shape.size()), shape.data(), strides.data(), dtype,
                              device.type, device.index, &handle_) != 0) {
        handle_ = nullptr;
    }
}

ProofTensor::~ProofTensor() {
    if (handle_ != nullptr) symbols_.delete_tensor(handle_);
}

void* ProofTensor::data() const {
    void* data = nullptr;
    return symbols_.get_data_ptr(handle_, &data) == 0 ? data : nullptr;
}

void* ProofTensor::storage(const Layout& layout) const {
    return *reinterpret_cast<void**>(*static_cast<char**>(handle_) + layout.tensor_storage);
}

void Witness::fill(tio_obs_handlers& handlers) {
    handlers.struct_size = sizeof handlers;
    handlers.user = this;
    handlers.describe = &on_describe;
    handlers.op_begin = &on_begin;
    handlers.op_end = &on_end;
    handlers.allocated = &on_allocated;
    handlers.freeing = &on_freeing;
}

const Witness::Seen* Witness::find(const std::string& prefix, bool begin) const {
    for (const Seen& seen : events) {
        if (seen.begin == begin && seen.schema.compare(0, prefix.size(), prefix) == 0) return &seen;
    }
    return nullptr;
}

std::string check_operand(const Witness::Seen* seen, const char* what, size_t index, void* storage,
                          const void* data, uint32_t argument) {
    if (seen == nullptr) return std::string(what) + " was not observed";
    if (index >= seen->operands.size()) return std::string(what) + ": an operand is missing";
    const tio_obs_operand& operand = seen->operands[index];
    if (operand.storage != storage || operand.data != data || operand.bytes != kMatrixBytes) {
        return std::string(what) + ": operand " + std::to_string(index) + " is not the tensor it was given";
    }
    if (operand.argument != argument) return std::string(what) + ": argument index differs";
    return {};
}

}  // namespace tio
