#include "caching_allocator_double.h"

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <utility>

namespace tio::standin {

struct CudaStream {
    abi::Stream stream;
};

struct Statistics {
    int64_t words[122];
};

// The functions that nothing here calls are there for their places in the table. Neither this class nor the
// next is in the nameless namespace or final: a compiler that sees all of a class calls its functions
// directly, past the table, as libtorch's does not.
class CudaAllocator : public abi::DeviceAllocator {
  public:
    using abi::DeviceAllocator::record_stream;
    virtual Statistics device_statistics(int8_t device) = 0;
    virtual void reset_accumulated(int8_t) { std::abort(); }
    virtual void reset_peak(int8_t) { std::abort(); }
    virtual std::pair<size_t, size_t> memory_info(int8_t) { std::abort(); }

    virtual void* raw_alloc(size_t) = 0;
    virtual void* raw_alloc_with_stream(size_t, void*) { std::abort(); }
    virtual void raw_delete(void*) = 0;
    virtual void init(int) { std::abort(); }
    virtual double memory_fraction(int8_t) { std::abort(); }
    virtual void set_memory_fraction(double, int8_t) { std::abort(); }
    virtual std::vector<int> expandable_segment_sizes(int8_t) { std::abort(); }
    virtual void enable(bool) { std::abort(); }
    virtual bool is_enabled() const { return true; }
    virtual void cache_info(int8_t, size_t*) { std::abort(); }
    virtual void* base_allocation(void*, size_t*) { std::abort(); }
    virtual void record_stream(const abi::DataPtr& pointer, CudaStream stream) = 0;
    void record_stream(const abi::DataPtr& pointer, abi::Stream stream) override {
        record_stream(pointer, CudaStream{stream});
    }
    virtual void snapshot() { std::abort(); }
};

namespace {

std::mutex g_mutex;
AllocatorState g_state;
thread_local int8_t t_device = 0;

void local_raw_delete(void* data) {
    {
        std::lock_guard<std::mutex> lock(g_mutex);
        ++g_state.frees;
    }
    std::free(data);
}

struct OwnContext {
    void* data;
};

void delete_own_context(void* context) {
    auto* own = static_cast<OwnContext*>(context);
    local_raw_delete(own->data);
    delete own;
}

}  // namespace

class Native : public CudaAllocator {
  public:
    abi::DataPtr allocate(size_t bytes) override {
        abi::DataPtr pointer;
        pointer.device = {abi::kCuda, t_device};
        bool own = false;
        void* cached = nullptr;
        {
            std::lock_guard<std::mutex> lock(g_mutex);
            if (bytes > g_state.capacity) throw OutOfMemory();
            if (bytes != 0) ++g_state.allocations;
            own = g_state.own_contexts;
            if (bytes != 0) cached = std::exchange(g_state.cached, nullptr);
        }
        void* data = bytes == 0 || cached != nullptr ? cached : std::malloc(bytes);
        pointer.data = data;
        if (own)
            pointer.context = {new OwnContext{data}, &delete_own_context};
        else
            pointer.context = {data, &local_raw_delete};
        return pointer;
    }
    bool is_simple_data_ptr(const abi::DataPtr& pointer) const override {
        return pointer.data == pointer.context.get();
    }
    abi::Deleter raw_deleter() const override { return &local_raw_delete; }
    void copy_data(void*, const void*, size_t) const override { std::abort(); }
    bool initialized() override { return true; }
    void empty_cache(std::pair<uint64_t, uint64_t>) override {}
    Statistics device_statistics(int8_t device) override {
        if (device != 0) throw std::runtime_error("invalid device (test double)");
        Statistics statistics{};
        statistics.words[48] = 1000;
        statistics.words[60] = 3000;
        return statistics;
    }
    void* raw_alloc(size_t bytes) override { return std::malloc(bytes); }
    void raw_delete(void* data) override {
        std::lock_guard<std::mutex> lock(g_mutex);
        ++g_state.frees;
        g_state.cached = data;
    }
    using CudaAllocator::record_stream;
    void record_stream(const abi::DataPtr& pointer, CudaStream stream) override {
        std::lock_guard<std::mutex> lock(g_mutex);
        const abi::Deleter deleter = pointer.context.get_deleter();
        if (deleter != &local_raw_delete && deleter != &delete_own_context) {
            ++g_state.ignored;
            return;
        }
        g_state.recorded.push_back(pointer.data);
        g_state.last_stream = stream.stream.id;
    }
};

namespace {

CudaAllocator& native() {
    static CudaAllocator* volatile allocator = new Native();
    return *allocator;
}

}  // namespace

AllocatorState& state() {
    return g_state;
}

void reset_state() {
    g_state = {};
    t_device = 0;
}

abi::Allocator* registered() {
    return &native();
}

Symbols symbols() {
    Symbols symbols;
    symbols.get_allocator = [](const int8_t& type) { return type == abi::kCuda ? registered() : nullptr; };
    return symbols;
}

CudaSymbols cuda_symbols() {
    static abi::Allocator* exported = registered();
    CudaSymbols symbols;
    symbols.current_device = [](int32_t* index) {
        *index = t_device;
        return int32_t{0};
    };
    symbols.current_stream = [](int32_t device_index, void** stream) {
        *stream = reinterpret_cast<void*>(static_cast<intptr_t>(1000 + device_index));
        return int32_t{0};
    };
    symbols.create_guard = [](int32_t device_index, void** guard) {
        ++g_state.guards;
        *guard = new int8_t(t_device);
        t_device = static_cast<int8_t>(device_index);
        return int32_t{0};
    };
    symbols.delete_guard = [](void* guard) {
        auto* previous = static_cast<int8_t*>(guard);
        t_device = *previous;
        delete previous;
        return int32_t{0};
    };
    symbols.allocator = &exported;
    return symbols;
}

void make_current(int8_t index) {
    t_device = index;
}

void record_stream(const abi::DataPtr& pointer, int64_t stream) {
    static_cast<abi::DeviceAllocator&>(native()).record_stream(pointer, abi::Stream{{abi::kCuda, 0}, stream});
}

void record_cuda_stream(const abi::DataPtr& pointer, int64_t stream) {
    native().record_stream(pointer, CudaStream{{{abi::kCuda, 0}, stream}});
}

bool is_a_device_allocator() {
    return dynamic_cast<abi::DeviceAllocator*>(registered()) != nullptr &&
           dynamic_cast<Native*>(registered()) != nullptr;
}

void* raw_allocate(uint64_t bytes) {
    abi::DataPtr pointer = registered()->allocate(bytes);
    return pointer.context.release();
}

void raw_deallocate(void* data) {
    registered()->raw_deleter()(data);
}

void raw_delete(void* data) {
    native().raw_delete(data);
}

abi::Deleter local_deleter() {
    return &local_raw_delete;
}

}  // namespace tio::standin
