#include <algorithm>
#include <cstring>
#include <exception>
#include <mutex>
#include <new>
#include <string>

#include "allocation_gate.h"
#include "record_hook.h"
#include "self_proof.h"
#include "storage_view.h"
#include "tio_observer.h"

namespace {

using tio::AllocationGate;

struct Observer {
    std::mutex mutex;
    bool attached = false;
    tio::Symbols symbols;
    tio::Layout layout{};
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

int32_t prepare(Observer& self, const tio_obs_options& options) {
    std::string why;
    if (!tio::resolve_symbols(self.symbols, why)) return fail(TIO_OBS_E_NOT_LOADED, why);
    const std::string version =
        options.assume_version != nullptr ? options.assume_version : tio::loaded_torch_version();
    const tio::Layout* layout = tio::find_layout(version);
    if (layout == nullptr) {
        return fail(TIO_OBS_E_UNSUPPORTED, "libtorch " + version +
                                               " is not supported: its object layout is unknown (known: " +
                                               tio::known_versions() + ")");
    }
    self.layout = tio::skewed(*layout, options.skew_field, options.skew_bytes);
    AllocationGate& gate = AllocationGate::instance();
    gate.install(self.symbols);
    const std::string differs = tio::prove(self.symbols, self.layout);
    if (!differs.empty()) {
        gate.uninstall();
        return fail(TIO_OBS_E_UNSUPPORTED,
                    "libtorch " + version + " does not match its layout table: " + differs);
    }
    self.proved = true;
    return TIO_OBS_OK;
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
        if (!complete(handlers)) return fail(TIO_OBS_E_INVALID, "attach: a handler is missing");
        Observer& self = observer();
        std::lock_guard<std::mutex> lock(self.mutex);
        if (self.attached) return fail(TIO_OBS_E_BUSY, "an observer is attached to this process already");
        if (const int32_t status = prepare(self, *options); status != TIO_OBS_OK) return status;
        self.handlers = *handlers;
        self.minimum_bytes = options->minimum_bytes;
        AllocationGate& gate = AllocationGate::instance();
        gate.set_limit(options->limit_bytes, options->cache_bytes);
        gate.set_handlers(&self.handlers, options->minimum_bytes);
        gate.reset_peak();
        tio::RecordHook::install(self.symbols, self.layout, &self.handlers,
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
        AllocationGate& gate = AllocationGate::instance();
        gate.set_handlers(nullptr, 0);
        gate.set_limit(0, 0);
        gate.uninstall();
        self.attached = false;
        return TIO_OBS_OK;
    });
}

int32_t tio_obs_set_limit(uint64_t limit_bytes) {
    return guarded([&]() -> int32_t {
        AllocationGate& gate = AllocationGate::instance();
        gate.set_limit(limit_bytes, gate.cache_limit());
        return TIO_OBS_OK;
    });
}

void tio_obs_get_statistics(tio_obs_statistics* statistics) {
    if (statistics == nullptr || statistics->struct_size != sizeof(*statistics)) return;
    const AllocationGate& gate = AllocationGate::instance();
    statistics->live_bytes = gate.live();
    statistics->peak_bytes = gate.peak();
    statistics->cached_bytes = gate.cached();
    statistics->operations = tio::RecordHook::operations();
    statistics->op_callbacks = tio::RecordHook::deliveries();
    statistics->allocations = gate.allocations();
    statistics->frees = gate.frees();
    statistics->released = observer().released;
    statistics->restored = observer().restored;
}

uint64_t tio_obs_live_bytes(void) {
    return AllocationGate::instance().live();
}

void tio_obs_reset_peak(void) {
    AllocationGate::instance().reset_peak();
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
        if (storage != nullptr) tio::describe_storage(storage, self.layout, self.minimum_bytes, *operand);
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
        if (!view.movable(AllocationGate::instance()))
            return fail(TIO_OBS_E_STATE, "release: the storage is not movable");
        if (view.released()) return fail(TIO_OBS_E_STATE, "release: the storage is released already");
        view.release(AllocationGate::instance());
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
            view.restore(AllocationGate::instance());
        } catch (const tio::OverLimit&) {
            return fail(TIO_OBS_E_LIMIT, "restore: the limit on live bytes leaves no room");
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

void* tio_obs_data(void* storage) {
    return storage == nullptr ? nullptr : tio::StorageView(storage, observer().layout).data();
}

void tio_obs_free_kept(void* data) {
    if (data != nullptr) AllocationGate::instance().free_kept(data);
}

}  // extern "C"
