#include "record_hook.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <unordered_map>
#include <vector>

#include "op_frames.h"
#include "storage_view.h"

namespace tio {

namespace {

struct State {
    const Symbols* symbols = nullptr;
    const Layout* layout = nullptr;
    AllocationGate* gate = nullptr;
    const tio_obs_handlers* handlers = nullptr;
    HookSettings settings;
    uint64_t callback = 0;
    std::atomic<uint64_t> generation{0};  // 0 between sessions
};

State g_state;
uint64_t g_generations = 0;
std::atomic<uint64_t> g_operations{0};
std::atomic<uint64_t> g_deliveries{0};

// Op traits per schema, kept per thread so that looking one up takes no lock.
struct TraitsCache {
    uint64_t generation = 0;
    std::unordered_map<const void*, tio_obs_traits> by_schema;
    std::unordered_map<std::string, tio_obs_traits> by_name;
};

thread_local TraitsCache t_traits;
thread_local std::vector<tio_obs_operand> t_operands;

template <class T>
const T& field(const abi::RecordFunction& record, int32_t offset) {
    return *reinterpret_cast<const T*>(reinterpret_cast<const char*>(&record) + offset);
}

tio_obs_traits describe(const char* text) {
    tio_obs_traits traits{};
    g_state.handlers->describe(g_state.handlers->user, text, &traits);
    return traits;
}

const tio_obs_traits& traits_of(const abi::RecordFunction& record) {
    TraitsCache& cache = t_traits;
    const uint64_t generation = g_state.generation.load(std::memory_order_relaxed);
    if (cache.generation != generation) {
        cache.by_schema.clear();
        cache.by_name.clear();
        cache.generation = generation;
    }
    const Layout& layout = *g_state.layout;
    if (field<uint8_t>(record, layout.record_schema_index) == 1) {
        const void* schema = field<const void*>(record, layout.record_schema);
        auto [entry, is_new] = cache.by_schema.try_emplace(schema);
        if (is_new) {
            std::ostringstream text;
            g_state.symbols->print_schema(text, schema);
            entry->second = describe(text.str().c_str());
        }
        return entry->second;
    }
    auto [entry, is_new] = cache.by_name.try_emplace(g_state.symbols->record_name(&record));
    if (is_new) entry->second = describe(entry->first.c_str());
    return entry->second;
}

class OperandWalk {
  public:
    // With `results`, the small ones are among the operands if the op brings data out.
    explicit OperandWalk(const tio_obs_traits* traits, bool results = false)
        : traits_(traits), results_(results) {}

    void values(const abi::IValue* first, size_t count) {
        collect(first, count);
        // Adopting one operand may have made room by releasing another: look again.
        if (adopted_) collect(first, count);
        if (results_ && !brings_out()) drop_small();
    }

    // It has tensors of the device, and somewhere else to put their data.
    bool brings_out() const {
        return results_ && !t_operands.empty() &&
               (writes_elsewhere_ || (traits_->flags & TIO_OBS_OP_RETURNS_VALUES) != 0);
    }

  private:
    void collect(const abi::IValue* first, size_t count) {
        t_operands.clear();
        for (size_t i = 0; i < count; ++i) value(first[i], static_cast<uint32_t>(i));
    }

    void value(const abi::IValue& value, uint32_t argument) {
        const Layout& layout = *g_state.layout;
        if (value.payload == nullptr) return;
        if (value.tag == layout.tag_tensor) {
            const size_t before = t_operands.size();
            storage(*reinterpret_cast<void**>(static_cast<char*>(value.payload) + layout.tensor_storage),
                    argument);
            if (traits_ == nullptr && t_operands.size() > before && has_one_element(value))
                t_operands.back().flags |= TIO_OBS_OPERAND_SCALAR;
        } else if (value.tag == layout.tag_storage) {
            storage(value.payload, argument);
        } else if (value.tag == layout.tag_list) {
            const auto& list = *reinterpret_cast<const std::vector<abi::IValue>*>(
                static_cast<char*>(value.payload) + layout.list_vector);
            for (const abi::IValue& element : list) {
                // A list of numbers has no tensors further on either (tag 0: an absent optional tensor).
                if (element.tag != layout.tag_tensor && element.tag != layout.tag_list && element.tag != 0)
                    return;
                this->value(element, argument);
            }
        }
    }

    // An at::Tensor is a pointer to its TensorImpl, as the payload is.
    static bool has_one_element(const abi::IValue& value) {
        void* implementation = value.payload;
        int64_t elements = 0;
        return g_state.symbols->get_numel(&implementation, &elements) == 0 && elements == 1;
    }

    void storage(void* address, uint32_t argument) {
        if (address == nullptr) return;
        tio_obs_operand operand{};
        adopted_ |= describe_storage(address, *g_state.layout, *g_state.gate, g_state.settings.minimum_bytes,
                                     operand);
        const uint32_t bit = argument < 63 ? argument : 63;
        const bool written = traits_ != nullptr && ((traits_->written_arguments >> bit) & 1) != 0;
        if (operand.storage == nullptr) {
            writes_elsewhere_ |= written;
            return;
        }
        if (is_small(operand) && !results_) return;
        operand.argument = argument;
        if (written) operand.flags |= TIO_OBS_OPERAND_WRITTEN;
        t_operands.push_back(operand);
    }

    static bool is_small(const tio_obs_operand& operand) {
        return operand.bytes < g_state.settings.minimum_bytes;
    }

    static void drop_small() {
        t_operands.erase(std::remove_if(t_operands.begin(), t_operands.end(), &OperandWalk::is_small),
                         t_operands.end());
    }

    const tio_obs_traits* traits_;
    const bool results_;
    bool adopted_ = false;
    bool writes_elsewhere_ = false;
};

tio_obs_event make_event(const abi::RecordFunction& record, const tio_obs_traits& traits, uint32_t depth) {
    tio_obs_event event{};
    event.struct_size = sizeof event;
    event.op_id = traits.op_id;
    event.depth = depth;
    event.scope = field<uint8_t>(record, g_state.layout->record_scope);
    event.sequence_number = field<int64_t>(record, g_state.layout->record_sequence);
    event.thread = OpFrames::thread_number();
    event.operand_count = static_cast<uint32_t>(t_operands.size());
    if (OpFrames::in_backward()) event.flags |= TIO_OBS_EVENT_BACKWARD;
    event.operands = t_operands.data();
    return event;
}

std::unique_ptr<abi::ObserverContext> on_start(const abi::RecordFunction& record) {
    if (g_state.generation.load(std::memory_order_acquire) == 0) return nullptr;
    g_operations.fetch_add(1, std::memory_order_relaxed);
    const tio_obs_traits& traits = traits_of(record);
    if ((traits.flags & TIO_OBS_OP_TRANSPARENT) != 0) {
        if ((traits.flags & TIO_OBS_OP_BACKWARD_NODE) != 0) OpFrames::enter_backward();
        return nullptr;
    }
    const uint32_t depth = OpFrames::depth();
    OpFrames::enter();
    const bool all = (g_state.settings.flags & TIO_OBS_DELIVER_ALL_OPS) != 0;
    if ((traits.flags & TIO_OBS_OP_METADATA_ONLY) != 0 && !all) return nullptr;

    struct ArrayRef {
        const abi::IValue* data;
        size_t length;
    };
    const auto& inputs = field<ArrayRef>(record, g_state.layout->record_inputs);
    OperandWalk walk(&traits, (g_state.settings.flags & TIO_OBS_DELIVER_RESULTS) != 0);
    walk.values(inputs.data, inputs.length);
    if (t_operands.empty() && !all) return nullptr;
    OpFrames::mark_delivered();
    g_deliveries.fetch_add(1, std::memory_order_relaxed);
    tio_obs_event event = make_event(record, traits, depth);
    if (walk.brings_out()) event.flags |= TIO_OBS_EVENT_BRINGS_OUT;
    g_state.handlers->op_begin(g_state.handlers->user, &event);
    return nullptr;
}

void on_end(const abi::RecordFunction& record, abi::ObserverContext*) {
    if (g_state.generation.load(std::memory_order_acquire) == 0) return;
    const tio_obs_traits& traits = traits_of(record);
    if ((traits.flags & TIO_OBS_OP_TRANSPARENT) != 0) {
        if ((traits.flags & TIO_OBS_OP_BACKWARD_NODE) != 0) OpFrames::leave_backward();
        return;
    }
    const uint32_t depth = OpFrames::leave();
    const bool all = (g_state.settings.flags & TIO_OBS_DELIVER_ALL_OPS) != 0;
    t_operands.clear();
    if ((traits.flags & TIO_OBS_OP_METADATA_ONLY) == 0) {
        const auto& outputs = field<std::vector<abi::IValue>>(record, g_state.layout->record_outputs);
        OperandWalk(nullptr).values(outputs.data(), outputs.size());
    }
    const bool outermost_owed = depth == 0 && OpFrames::take_delivered();
    if (t_operands.empty() && !outermost_owed && !all) return;
    if (depth != 0) OpFrames::mark_delivered();
    g_deliveries.fetch_add(1, std::memory_order_relaxed);
    const tio_obs_event event = make_event(record, traits, depth);
    g_state.handlers->op_end(g_state.handlers->user, &event);
}

}  // namespace

bool describe_storage(void* storage, const Layout& layout, AllocationGate& gate, uint64_t minimum_bytes,
                      tio_obs_operand& operand) {
    StorageView view(storage, layout);
    operand = {};
    bool adopts = false;
    {
        std::lock_guard<std::mutex> lock(StorageView::transitions());
        if (!gate.watches(view.device())) return false;
        operand.storage = storage;
        operand.bytes = view.bytes();
        adopts = operand.bytes >= minimum_bytes && view.adoptable(gate);
    }
    bool adopted = false;
    if (adopts) {
        try {
            view.adopt(gate);
            adopted = true;
        } catch (const std::runtime_error&) {
            // No room could be made: it stays libtorch's own, uncounted and unmoved, and the op still runs.
        }
    }
    std::lock_guard<std::mutex> lock(StorageView::transitions());
    operand.data = view.data();
    if (operand.bytes >= minimum_bytes && view.movable(gate)) operand.flags |= TIO_OBS_OPERAND_MOVABLE;
    // Storages closed by someone else (fake tensors) have no memory of ours behind them.
    if ((operand.flags & TIO_OBS_OPERAND_MOVABLE) != 0 && view.released())
        operand.flags |= TIO_OBS_OPERAND_RELEASED;
    return adopted;
}

void RecordHook::install(const Symbols& symbols, const Layout& layout, AllocationGate& gate,
                         const tio_obs_handlers* handlers, const HookSettings& settings) {
    g_state.symbols = &symbols;
    g_state.layout = &layout;
    g_state.gate = &gate;
    g_state.handlers = handlers;
    g_state.settings = settings;
    g_operations.store(0);
    g_deliveries.store(0);
    g_state.generation.store(++g_generations, std::memory_order_release);
    abi::RecordFunctionCallback callback;
    callback.start = &on_start;
    callback.end = &on_end;
    callback.scopes[0] = true;
    callback.scopes[1] = (settings.flags & TIO_OBS_DELIVER_BACKWARD_NODES) != 0;
    callback.needs_inputs = true;
    callback.needs_outputs = true;
    g_state.callback = symbols.add_global_callback(callback);
}

void RecordHook::uninstall() {
    g_state.symbols->remove_callback(g_state.callback);
    g_state.generation.store(0, std::memory_order_release);
}

uint64_t RecordHook::operations() {
    return g_operations.load(std::memory_order_relaxed);
}

uint64_t RecordHook::deliveries() {
    return g_deliveries.load(std::memory_order_relaxed);
}

}  // namespace tio
