#include <algorithm>
#include <cstring>
#include <exception>
#include <mutex>
#include <new>
#include <string>

#include "cpu_gate.h"
#include "device_gate.h"
#include "device_proof.h"
#include "record_hook.h"
#include "self_proof.h"
#include "storage_view.h"
#include "tio_observer.h"

namespace {

using tio::AllocationGate;
using tio::CpuGate;
using tio::DeviceGate;

struct Observer {
    std::mutex mutex;
    bool attached = false;
    tio::Symbols symbols;
    tio::CudaSymbols cuda;
    tio::Layout layout{};
    std::atomic<AllocationGate*> gate{&CpuGate::instance()};  // of this session, or of the last one
    bool proved =
        false;  // symbols and layout are usable (also after detach: storages may still be moved back)
    tio_obs_handlers handlers{};
    uint64_t minimum_bytes = UINT64_MAX;
    std::atomic<uint64_t> released{0};
    std::atomic<uint64_t> restored{0};
};

Observer& observer() {
    static auto* instance = new Observer();
    return *instance;
}

thread_local std::string t_error;

int32_t fail(int32_t code, std::string text) {
    t_error = std::move(text);
    return code;
}

size_t copy_text(const std::string& text, char* buffer, size_t capacity) {
    if (buffer != nullptr && capacity > 0) {
        const size_t count = std::min(capacity - 1, text.size());
        std::memcpy(buffer, text.data(), count);
        buffer[count] = '\0';
    }
    return text.size();
}

// No C++ exception crosses the ABI.
template <class Body>
int32_t guarded(Body body) noexcept {
    try {
        return body();
    } catch (const std::bad_alloc&) {
        t_error = "out of memory";
        return TIO_OBS_E_NOMEM;
    } catch (const std::exception& e) {
        t_error = e.what();
        return TIO_OBS_E_INTERNAL;
    } catch (...) {
        t_error = "unknown C++ exception";
        return TIO_OBS_E_INTERNAL;
    }
}

int32_t refuse(const std::string& version, const std::string& differs) {
    return fail(TIO_OBS_E_UNSUPPORTED,
                "libtorch " + version + " does not match its layout table: " + differs);
}

int32_t prepare_device(Observer& self, const std::string& version, int8_t index) {
    DeviceGate& gate = DeviceGate::instance();
    std::string differs = gate.install(self.symbols, self.cuda, self.layout, index);
    if (!differs.empty()) return fail(TIO_OBS_E_UNSUPPORTED, differs);
    differs = tio::prove_device(self.symbols, self.layout, gate);
    if (!differs.empty()) {
        gate.uninstall();
        return refuse(version, differs);
    }
    self.gate = &gate;
    return TIO_OBS_OK;
}

int32_t prepare(Observer& self, const tio_obs_options& options) {
    std::string why;
    const bool cuda = options.device_type == TIO_OBS_DEVICE_CUDA;
    if (!tio::resolve_symbols(self.symbols, why) || (cuda && !tio::resolve_cuda_symbols(self.cuda, why)))
        return fail(TIO_OBS_E_NOT_LOADED, why);
    const std::string version =
        options.assume_version != nullptr ? options.assume_version : tio::loaded_torch_version();
    const tio::Layout* layout = tio::find_layout(version);
    if (layout == nullptr) {
        return fail(TIO_OBS_E_UNSUPPORTED, "libtorch " + version +
                                               " is not supported: its object layout is unknown (known: " +
                                               tio::known_versions() + ")");
    }
    self.layout = tio::skewed(*layout, options.skew_field, options.skew_bytes);
    // Objects are laid out alike whatever device their bytes are on, and on the CPU a wrong offset is found
    // without danger for the device's context: so also before a session on CUDA.
    CpuGate& gate = CpuGate::instance();
    gate.install(self.symbols);
    const std::string differs = tio::prove(self.symbols, self.layout);
    if (!differs.empty() || cuda) gate.uninstall();
    if (!differs.empty()) return refuse(version, differs);
    self.gate = &gate;
    if (cuda) {
        const int32_t status = prepare_device(self, version, static_cast<int8_t>(options.device_index));
        if (status != TIO_OBS_OK) return status;
    }
    self.proved = true;
    return TIO_OBS_OK;
}

// A storage may be moved back after its session, while another one runs on another device.
AllocationGate& gate_of(const tio::StorageView& view) {
    if (view.device().type == tio::abi::kCuda) return DeviceGate::instance();
    return CpuGate::instance();
}

bool complete(const tio_obs_handlers* h) {
    return h != nullptr && h->struct_size == sizeof(*h) && h->describe != nullptr && h->op_begin != nullptr &&
           h->op_end != nullptr && h->make_room != nullptr && h->allocated != nullptr &&
           h->freeing != nullptr;
}

}  // namespace

extern "C" {

uint32_t tio_obs_abi_version(void) {
    return TIO_OBS_ABI_VERSION;
}

void tio_obs_struct_sizes(uint32_t sizes[6]) {
    sizes[0] = sizeof(tio_obs_traits);
    sizes[1] = sizeof(tio_obs_operand);
    sizes[2] = sizeof(tio_obs_event);
    sizes[3] = sizeof(tio_obs_handlers);
    sizes[4] = sizeof(tio_obs_options);
    sizes[5] = sizeof(tio_obs_statistics);
}

size_t tio_obs_last_error(char* buffer, size_t capacity) {
    return copy_text(t_error, buffer, capacity);
}

size_t tio_obs_torch_version(char* buffer, size_t capacity) {
    return copy_text(tio::loaded_torch_version(), buffer, capacity);
}

int32_t tio_obs_attach(const tio_obs_options* options, const tio_obs_handlers* handlers) {
    return guarded([&]() -> int32_t {
        if (options == nullptr || options->struct_size != sizeof(*options) ||
            options->minimum_bytes < tio::kPage) {
            return fail(TIO_OBS_E_INVALID,
                        "attach: options are missing, of another version, or minimum_bytes is below 4096");
        }
        if (options->device_type > TIO_OBS_DEVICE_CUDA ||
            (options->device_type == TIO_OBS_DEVICE_CUDA &&
             (options->device_index < 0 || options->device_index > INT8_MAX))) {
            return fail(
                TIO_OBS_E_INVALID,
                "attach: device_type must be 0 (CPU) or 1 (CUDA), device_index the number of one device");
        }
        if (!complete(handlers)) return fail(TIO_OBS_E_INVALID, "attach: a handler is missing");
        Observer& self = observer();
        std::lock_guard<std::mutex> lock(self.mutex);
        if (self.attached) return fail(TIO_OBS_E_BUSY, "an observer is attached to this process already");
        if (const int32_t status = prepare(self, *options); status != TIO_OBS_OK) return status;
        self.handlers = *handlers;
        self.minimum_bytes = options->minimum_bytes;
        AllocationGate& gate = *self.gate;
        gate.set_limit(options->limit_bytes, options->cache_bytes);
        gate.set_handlers(&self.handlers, options->minimum_bytes);
        gate.reset_peak();
        tio::RecordHook::install(self.symbols, self.layout, gate, &self.handlers,
                                 {options->minimum_bytes, options->flags});
        self.released = 0;
        self.restored = 0;
        self.attached = true;
        return TIO_OBS_OK;
    });
}

int32_t tio_obs_detach(void) {
    return guarded([]() -> int32_t {
        Observer& self = observer();
        std::lock_guard<std::mutex> lock(self.mutex);
        if (!self.attached) return fail(TIO_OBS_E_STATE, "no observer is attached");
        tio::RecordHook::uninstall();
        AllocationGate& gate = *self.gate;
        gate.set_handlers(nullptr, 0);
        gate.set_limit(0, 0);
        gate.uninstall();
        self.attached = false;
        return TIO_OBS_OK;
    });
}

int32_t tio_obs_set_limit(uint64_t limit_bytes) {
    return guarded([&]() -> int32_t {
        AllocationGate& gate = *observer().gate;
        gate.set_limit(limit_bytes, gate.cache_limit());
        return TIO_OBS_OK;
    });
}

void tio_obs_get_statistics(tio_obs_statistics* statistics) {
    if (statistics == nullptr || statistics->struct_size != sizeof(*statistics)) return;
    const AllocationGate& gate = *observer().gate;
    statistics->live_bytes = gate.live();
    statistics->peak_bytes = gate.peak();
    statistics->cached_bytes = gate.cached();
    statistics->operations = tio::RecordHook::operations();
    statistics->op_callbacks = tio::RecordHook::deliveries();
    statistics->allocations = gate.allocations();
    statistics->frees = gate.frees();
    statistics->released = observer().released;
    statistics->restored = observer().restored;
    statistics->reserved_bytes = gate.reserved();
}

uint64_t tio_obs_live_bytes(void) {
    return observer().gate.load()->live();
}

void tio_obs_reset_peak(void) {
    observer().gate.load()->reset_peak();
}

int32_t tio_obs_inspect(void* tensor_handle, tio_obs_operand* operand) {
    return guarded([&]() -> int32_t {
        Observer& self = observer();
        if (tensor_handle == nullptr || operand == nullptr)
            return fail(TIO_OBS_E_INVALID, "inspect: null argument");
        if (!self.attached) return fail(TIO_OBS_E_STATE, "no observer is attached");
        *operand = {};
        char* impl = *static_cast<char**>(tensor_handle);
        void* storage =
            impl == nullptr ? nullptr : *reinterpret_cast<void**>(impl + self.layout.tensor_storage);
        if (storage != nullptr)
            tio::describe_storage(storage, self.layout, *self.gate, self.minimum_bytes, *operand);
        return TIO_OBS_OK;
    });
}

int32_t tio_obs_release(void* storage, void** tombstone) {
    return guarded([&]() -> int32_t {
        Observer& self = observer();
        if (storage == nullptr || tombstone == nullptr || !self.proved)
            return fail(TIO_OBS_E_INVALID, "release: invalid call");
        std::lock_guard<std::mutex> lock(tio::StorageView::transitions());
        tio::StorageView view(storage, self.layout);
        AllocationGate& gate = gate_of(view);
        if (!view.movable(gate)) return fail(TIO_OBS_E_STATE, "release: the storage is not movable");
        if (view.released()) return fail(TIO_OBS_E_STATE, "release: the storage is released already");
        view.release(gate);
        *tombstone = view.data();
        self.released.fetch_add(1, std::memory_order_relaxed);
        return TIO_OBS_OK;
    });
}

int32_t tio_obs_restore(void* storage, void** data) {
    return guarded([&]() -> int32_t {
        Observer& self = observer();
        if (storage == nullptr || data == nullptr || !self.proved)
            return fail(TIO_OBS_E_INVALID, "restore: invalid call");
        std::lock_guard<std::mutex> lock(tio::StorageView::transitions());
        tio::StorageView view(storage, self.layout);
        if (!view.released()) return fail(TIO_OBS_E_STATE, "restore: the storage is not released");
        try {
            view.restore(gate_of(view));
        } catch (const tio::OverLimit&) {
            return fail(TIO_OBS_E_LIMIT, "restore: the limit on live bytes leaves no room");
        } catch (const std::exception& e) {
            return fail(TIO_OBS_E_NOMEM, std::string("restore: ") + e.what());
        }
        *data = view.data();
        self.restored.fetch_add(1, std::memory_order_relaxed);
        return TIO_OBS_OK;
    });
}

int32_t tio_obs_open(void* storage) {
    return guarded([&]() -> int32_t {
        Observer& self = observer();
        if (storage == nullptr || !self.proved) return fail(TIO_OBS_E_INVALID, "open: invalid call");
        std::lock_guard<std::mutex> lock(tio::StorageView::transitions());
        tio::StorageView(storage, self.layout).set_open(true);
        return TIO_OBS_OK;
    });
}

int32_t tio_obs_close(void* storage) {
    return guarded([&]() -> int32_t {
        Observer& self = observer();
        if (storage == nullptr || !self.proved) return fail(TIO_OBS_E_INVALID, "close: invalid call");
        std::lock_guard<std::mutex> lock(tio::StorageView::transitions());
        tio::StorageView(storage, self.layout).set_open(false);
        return TIO_OBS_OK;
    });
}

void* tio_obs_data(void* storage) {
    return storage == nullptr ? nullptr : tio::StorageView(storage, observer().layout).data();
}

void tio_obs_free_kept(void* data) {
    if (data != nullptr && !DeviceGate::instance().free_kept(data)) CpuGate::instance().free_kept(data);
}

int32_t tio_obs_current_stream(void** stream) {
    return guarded([&]() -> int32_t {
        if (stream == nullptr) return fail(TIO_OBS_E_INVALID, "current_stream: null argument");
        Observer& self = observer();
        if (!self.attached) return fail(TIO_OBS_E_STATE, "no observer is attached");
        const DeviceGate& device = DeviceGate::instance();
        if (self.gate != &device)
            return fail(TIO_OBS_E_STATE, "current_stream: the session is on the CPU, which has no streams");
        if (!device.current_stream(stream))
            return fail(TIO_OBS_E_INTERNAL, "current_stream: libtorch does not tell the current CUDA stream");
        return TIO_OBS_OK;
    });
}

}  // extern "C"
