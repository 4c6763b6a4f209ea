#include "gpu.h"

#include <dlfcn.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>

namespace tio::standin::torch {

namespace {

constexpr size_t alignment = 512;

// The stand-in for libcuda, if the process uses it.
class Driver {
  public:
    static const Driver* get() {
        static const Driver driver;
        return driver.launch != nullptr ? &driver : nullptr;
    }

    int (*allocate)(uint64_t* pointer, size_t bytes) = nullptr;
    int (*free)(uint64_t pointer) = nullptr;
    int (*query_stream)(void* stream) = nullptr;
    void* (*view)(uint64_t pointer) = nullptr;
    int (*launch)(void* stream, void (*body)(void*), void* argument) = nullptr;
    int (*set_context)(void* context) = nullptr;
    int (*get_context)(void** context) = nullptr;
    void* context = nullptr;

  private:
    Driver() {
        const char* path = std::getenv("TERAIO_CUDA_PATH");
        if (path == nullptr || *path == '\0') return;
        void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (library == nullptr) throw std::runtime_error(std::string("libtorch_cuda stand-in: ") + dlerror());
        // A real driver must never get here.
        if (dlsym(library, "tio_standin_cuda_launch") == nullptr)
            throw std::runtime_error(std::string(path) + " is no stand-in: refusing to use it");
        int (*initialise)(unsigned) = nullptr;
        int (*retain)(void**, int) = nullptr;
        find(library, "cuInit", initialise);
        find(library, "cuDevicePrimaryCtxRetain", retain);
        find(library, "cuMemAlloc_v2", allocate);
        find(library, "cuMemFree_v2", free);
        find(library, "cuStreamQuery", query_stream);
        find(library, "cuCtxSetCurrent", set_context);
        find(library, "cuCtxGetCurrent", get_context);
        find(library, "tio_standin_cuda_host_view", view);
        if (initialise(0) != 0 || retain(&context, 0) != 0)
            throw std::runtime_error("libtorch_cuda stand-in: the stand-in for libcuda has no device");
        find(library, "tio_standin_cuda_launch", launch);
    }

    template <typename Function>
    static void find(void* library, const char* name, Function& function) {
        function = reinterpret_cast<Function>(dlsym(library, name));
        if (function == nullptr)
            throw std::runtime_error(std::string("libtorch_cuda stand-in: libcuda's stand-in lacks ") + name);
    }
};

// The primary context is current on this thread while it lives, as in a thread that uses CUDA's runtime.
class Current {
  public:
    explicit Current(const Driver& driver) : driver_(driver) {
        if (driver.get_context(&former_) != 0) former_ = nullptr;
        driver.set_context(driver.context);
    }
    ~Current() { driver_.set_context(former_); }
    Current(const Current&) = delete;
    Current& operator=(const Current&) = delete;

  private:
    const Driver& driver_;
    void* former_ = nullptr;
};

struct Bases {
    std::mutex mutex;
    std::map<void*, uint64_t> by_address;  // aligned address -> what cuMemAlloc returned
};

// Leaked: tensors may be freed when the process's statics are gone.
Bases& bases() {
    static auto* all = new Bases;
    return *all;
}

std::atomic<uint64_t> kernels{0};

}  // namespace

void* allocate_device_memory(size_t bytes) {
    const Driver* driver = Driver::get();
    if (driver == nullptr) {
        void* memory = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
        if (memory == nullptr) throw std::bad_alloc();
        return memory;
    }
    const Current current(*driver);
    uint64_t base = 0;
    if (driver->allocate(&base, bytes + alignment) != 0) throw std::bad_alloc();
    void* memory = reinterpret_cast<void*>((base + alignment - 1) / alignment * alignment);
    const std::lock_guard<std::mutex> lock(bases().mutex);
    bases().by_address[memory] = base;
    return memory;
}

void free_device_memory(void* memory) noexcept {
    const Driver* driver = Driver::get();
    if (driver == nullptr) return std::free(memory);
    const Current current(*driver);
    const std::lock_guard<std::mutex> lock(bases().mutex);
    const auto found = bases().by_address.find(memory);
    if (found == bases().by_address.end()) return;
    driver->free(found->second);
    bases().by_address.erase(found);
}

void* host_view(void* device_address) {
    const Driver* driver = Driver::get();
    return driver == nullptr ? device_address : driver->view(reinterpret_cast<uint64_t>(device_address));
}

struct KernelTurn::Turn {
    std::mutex mutex;
    std::condition_variable changed;
    bool begun = false;
    bool ended = false;
    bool left = false;  // by the stream

    // In the stream's thread: the stream stands still while the kernel runs in the thread that launched it,
    // where libtorch's thread-local state is.
    static void stand(void* self) {
        auto& turn = *static_cast<Turn*>(self);
        std::unique_lock<std::mutex> lock(turn.mutex);
        turn.begun = true;
        turn.changed.notify_all();
        turn.changed.wait(lock, [&] { return turn.ended; });
        turn.left = true;
        turn.changed.notify_all();
    }
};

namespace {

// How many turns this thread is in: a kernel may call on what is a kernel elsewhere.
thread_local int depth = 0;

}  // namespace

KernelTurn::KernelTurn() {
    const Driver* driver = Driver::get();
    if (driver == nullptr) return;
    if (depth > 0) {
        ++depth;
        return;
    }
    auto* turn = new Turn;
    const Current current(*driver);
    if (driver->launch(nullptr, &Turn::stand, turn) != 0) {
        delete turn;
        throw std::runtime_error("CUDA error: the stand-in's device takes no kernel");
    }
    std::unique_lock<std::mutex> lock(turn->mutex);
    // A device that is lost drops what waits in its streams; the turn is then never reached, and leaks.
    while (!turn->changed.wait_for(lock, std::chrono::milliseconds(100), [&] { return turn->begun; })) {
        const int state = driver->query_stream(nullptr);
        if (state != 0 && state != 600 /* CUDA_ERROR_NOT_READY */)
            throw std::runtime_error("CUDA error: the stand-in's device is lost");
    }
    turn_ = turn;
    depth = 1;
}

KernelTurn::~KernelTurn() {
    if (depth > 0) --depth;
    if (turn_ == nullptr) return;
    {
        std::unique_lock<std::mutex> lock(turn_->mutex);
        turn_->ended = true;
        turn_->changed.notify_all();
        turn_->changed.wait(lock, [&] { return turn_->left; });
    }
    delete turn_;
}

void count_kernel() {
    kernels.fetch_add(1);
}

uint64_t kernels_run() {
    return kernels.load();
}

}  // namespace tio::standin::torch
