#include "device_gate.h"

#include <algorithm>
#include <cstdlib>
#include <exception>

namespace tio {

namespace {

thread_local DeviceGate::RecordedStreams t_recorded;

// Counted before the bytes exist, and taken back when they do not come.
class Admitted {
  public:
    Admitted(Admission& admission, uint64_t bytes) : admission_(admission), bytes_(bytes) {
        admission.admit(bytes);
    }
    ~Admitted() {
        if (!kept_) admission_.withdraw(bytes_);
    }
    Admitted(const Admitted&) = delete;
    Admitted& operator=(const Admitted&) = delete;
    void keep() { kept_ = true; }

  private:
    Admission& admission_;
    uint64_t bytes_;
    bool kept_ = false;
};

// Makes a device current for this thread, as the caching allocator allocates on the current one.
class CurrentDevice {
  public:
    CurrentDevice(const CudaSymbols& cuda, int8_t index) : cuda_(cuda) {
        int32_t current = -1;
        if (cuda.current_device(&current) == 0 && current == index) return;
        if (cuda.create_guard == nullptr || cuda.create_guard(index, &guard_) != 0)
            throw std::runtime_error("libtorch cannot make CUDA device " + std::to_string(index) +
                                     " current");
    }
    ~CurrentDevice() {
        if (guard_ != nullptr) cuda_.delete_guard(guard_);
    }
    CurrentDevice(const CurrentDevice&) = delete;
    CurrentDevice& operator=(const CurrentDevice&) = delete;

  private:
    const CudaSymbols& cuda_;
    void* guard_ = nullptr;
};

}  // namespace

DeviceGate& DeviceGate::instance() {
    static auto* gate = new DeviceGate();  // leaked on purpose: storages outlive static destructors
    return *gate;
}

std::string DeviceGate::install(const Symbols& symbols, const CudaSymbols& cuda, const Layout& layout,
                                int8_t index) {
    abi::Allocator* object = nullptr;
    try {
        object = symbols.get_allocator(abi::kCuda);
    } catch (const std::exception& e) {
        return std::string("libtorch has no allocator for CUDA: ") + e.what();
    }
    if (object == nullptr) return "libtorch has no allocator for CUDA";
    if (cuda.allocator != nullptr && *cuda.allocator != object) {
        return "tensors on CUDA come from another allocator than the one that libtorch registered: a "
               "pluggable allocator cannot be observed, do without it";
    }
    const auto entry = [](int32_t field) { return static_cast<size_t>(field); };
    const size_t last = entry(std::max({layout.entry_allocate, layout.entry_raw_deleter,
                                        layout.entry_record_stream, layout.entry_record_cuda_stream}));
    if (std::string why = table_.look_at(object, last); !why.empty())
        return "libtorch's CUDA allocator cannot be observed: " + why;
    cuda_ = cuda;
    object_ = object;
    allocate_ = reinterpret_cast<Allocate>(table_.original(entry(layout.entry_allocate)));
    raw_deleter_ = reinterpret_cast<RawDeleter>(table_.original(entry(layout.entry_raw_deleter)));
    record_stream_ = reinterpret_cast<RecordStream>(table_.original(entry(layout.entry_record_stream)));
    record_cuda_stream_ =
        reinterpret_cast<RecordStream>(table_.original(entry(layout.entry_record_cuda_stream)));
    device_stats_ = reinterpret_cast<DeviceStats>(table_.original(layout.entry_statistics));
    allocated_word_ = layout.statistics_allocated;
    reserved_word_ = layout.statistics_reserved;
    believed_ = false;
    // By class: entries of the layout table are called by nobody before they are proved.
    if (!table_.exchanged()) default_deleter_ = object->raw_deleter();
    {
        std::lock_guard<std::mutex> lock(mutex_);
        index_ = index;
        for (auto& [data, block] : blocks_) {
            const bool counts = block.index == index && !block.tombstone;
            if (counts && !block.counted) count(block.bytes);
            if (!counts && block.counted) withdraw(block.bytes);
            block.counted = counts;
        }
    }
    table_.replace(entry(layout.entry_allocate), reinterpret_cast<void*>(&allocate_entry));
    table_.replace(entry(layout.entry_raw_deleter), reinterpret_cast<void*>(&raw_deleter_entry));
    table_.replace(entry(layout.entry_record_stream), reinterpret_cast<void*>(&record_stream_entry));
    table_.replace(entry(layout.entry_record_cuda_stream),
                   reinterpret_cast<void*>(&record_cuda_stream_entry));
    installed_ = true;
    if (table_.exchanged() || table_.exchange()) return {};
    installed_ = false;
    return "libtorch's CUDA allocator was changed by somebody else meanwhile";
}

// Where somebody else stands in front of the gate by now, its functions stay and let everything pass.
void DeviceGate::uninstall() {
    installed_ = false;
    table_.put_back();
}

bool DeviceGate::current_stream(void** stream) const {
    return cuda_.current_stream(index_, stream) == 0;
}

uint64_t DeviceGate::reserved() const {
    return believed_ ? statistics().reserved : 0;
}

DeviceGate::Statistics DeviceGate::statistics() const {
    try {
        const Words words = device_stats_(object_, index_);
        return {static_cast<uint64_t>(words.at[allocated_word_]),
                static_cast<uint64_t>(words.at[reserved_word_])};
    } catch (const std::exception&) {
        return {};  // a device that nothing was allocated on yet
    }
}

bool DeviceGate::is_current_device(int8_t index) const {
    int32_t current = -1;
    return cuda_.current_device(&current) == 0 && current == index;
}

abi::DataPtr DeviceGate::allocate_entry(abi::Allocator* self, size_t bytes) {
    DeviceGate& gate = instance();
    if (bytes == 0 || !gate.installed_ || !gate.is_current_device(gate.index_))
        return gate.allocate_(self, bytes);
    return gate.admitted(bytes);
}

abi::DataPtr DeviceGate::admitted(uint64_t bytes) {
    Admitted counted(*this, bytes);
    abi::DataPtr pointer = allocate_(object_, bytes);
    if (pointer.data == nullptr || !watches(pointer.device)) return pointer;
    const bool announced = announces(bytes);
    void* data = pointer.data;
    wrap(pointer, bytes, true, announced);
    counted.keep();
    count_allocation();
    if (announced) tell_allocated(data, bytes);
    return pointer;
}

abi::DataPtr DeviceGate::block(uint64_t bytes, abi::Device device) {
    CurrentDevice current(cuda_, device.index);
    if (watches(device)) {
        abi::DataPtr pointer = admitted(bytes);
        if (!owns(pointer.context.get_deleter()))
            throw std::runtime_error("libtorch's CUDA allocator gave no block on the device of the tensor");
        return pointer;
    }
    abi::DataPtr pointer = allocate_(object_, bytes);
    wrap(pointer, bytes, false, false);
    return pointer;
}

abi::DataPtr DeviceGate::tombstone(abi::Device device) {
    void* data = std::malloc(kTombstoneBytes);
    if (data == nullptr)
        throw std::runtime_error("TeraIO: the system has no memory left for a released tensor's mark");
    abi::DataPtr pointer;
    pointer.data = data;
    pointer.context = {data, &std::free};
    pointer.device = device;
    remember(data, {kTombstoneBytes, &std::free, data, device.index, false, false, true});
    pointer.context.get_deleter() = &delete_block;
    count_allocation();
    return pointer;
}

bool DeviceGate::knows(void* data) const {
    Block block{};
    return find(data, block);
}

bool DeviceGate::is_tombstone(void* data) const {
    Block block{};
    return find(data, block) && block.tombstone;
}

bool DeviceGate::can_adopt(const abi::DataPtr& pointer, const abi::Allocator* allocator) const {
    return pointer.data != nullptr && pointer.data == pointer.context.get() && watches(pointer.device) &&
           pointer.context.get_deleter() == default_deleter_ && allocator == object_;
}

void DeviceGate::adopt(abi::DataPtr& pointer, abi::Allocator*&, uint64_t bytes) {
    wrap(pointer, bytes, true, true);
}

// The block keeps its own context in our table, and its address takes that place: the deleter is given
// nothing else.
void DeviceGate::wrap(abi::DataPtr& pointer, uint64_t bytes, bool counted, bool announced) {
    void* data = pointer.data;
    remember(data, {bytes, pointer.context.get_deleter(), pointer.context.get(), pointer.device.index,
                    counted, announced, false});
    pointer.context.release();
    pointer.context = {data, &delete_block};
}

void DeviceGate::remember(void* data, const Block& block) {
    std::lock_guard<std::mutex> lock(mutex_);
    auto [entry, is_new] = blocks_.try_emplace(data, block);
    if (is_new) return;
    // The allocator gives this address again, so the former block was freed past us (raw_delete).
    if (entry->second.counted) withdraw(entry->second.bytes);
    entry->second = block;
}

bool DeviceGate::find(void* data, Block& block) const {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto found = blocks_.find(data);
    if (found == blocks_.end()) return false;
    block = found->second;
    return true;
}

abi::Deleter DeviceGate::raw_deleter_entry(const abi::Allocator* self) {
    const DeviceGate& gate = instance();
    return gate.installed_ ? &delete_block : gate.raw_deleter_(self);
}

void DeviceGate::delete_block(void* data) {
    if (data == nullptr) return;
    DeviceGate& gate = instance();
    Block block{};
    if (!gate.find(data, block)) {
        // Not one of ours, but raw_deleter() stands for every block of the allocator.
        gate.default_deleter_(data);
        return;
    }
    const bool known = block.tombstone || (block.counted && (block.announced || gate.is_large(block.bytes)));
    if (known && gate.keep(data, block.bytes)) return;
    gate.free_kept(data);
}

// Forgotten before it is freed: from then on the allocator may give the address to another thread.
bool DeviceGate::free_kept(void* data) {
    Block block{};
    {
        std::lock_guard<std::mutex> lock(mutex_);
        const auto found = blocks_.find(data);
        if (found == blocks_.end()) return false;
        block = found->second;
        blocks_.erase(found);
        if (block.counted) withdraw(block.bytes);
    }
    count_free();
    block.deleter(block.context);
    return true;
}

DeviceGate::RecordedStreams DeviceGate::recorded_streams() {
    return t_recorded;
}

void DeviceGate::record_stream_entry(abi::Allocator* self, const abi::DataPtr& pointer, abi::Stream stream) {
    ++t_recorded.generic;
    DeviceGate& gate = instance();
    gate.record(gate.record_stream_, self, pointer, stream);
}

void DeviceGate::record_cuda_stream_entry(abi::Allocator* self, const abi::DataPtr& pointer,
                                          abi::Stream stream) {
    ++t_recorded.cuda;
    t_recorded.deleter_at_cuda = pointer.context.get_deleter();
    DeviceGate& gate = instance();
    gate.record(gate.record_cuda_stream_, self, pointer, stream);
}

void DeviceGate::record(RecordStream original, abi::Allocator* self, const abi::DataPtr& pointer,
                        abi::Stream stream) {
    if (!owns(pointer.context.get_deleter())) return original(self, pointer, stream);
    Block block{};
    if (!find(pointer.context.get(), block))
        block = {0, default_deleter_, pointer.context.get(), pointer.device.index, false, false, false};
    // A tombstone is nothing that the allocator knows, and no kernel uses it.
    if (block.tombstone) return;
    struct Borrowed : abi::DataPtr {
        ~Borrowed() { context.release(); }
    } unwrapped;
    unwrapped.data = pointer.data;
    unwrapped.context = {block.context, block.deleter};
    unwrapped.device = pointer.device;
    original(self, unwrapped, stream);
}

}  // namespace tio
