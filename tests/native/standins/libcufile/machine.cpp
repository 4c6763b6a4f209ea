#include "machine.h"

#include <fcntl.h>
#include <unistd.h>

#include "standin_cuda.h"

// Of the stand-in for libcuda.
extern "C" int cuCtxGetCurrent(void** context);

namespace tio::standin::cufile {

namespace {

constexpr CUfileError_t ok{0, 0};

CUfileError_t error(int code) {
    return {code, 0};
}

constexpr unsigned most_gpus = 16;

}  // namespace

Machine::~Machine() {
    for (const auto& [handle, file] : files_) ::close(file->buffered_fd);
}

// Counts the call and answers with what was ordered for it.
CUfileError_t Machine::begin(const char* function, bool needs_driver) {
    ++calls[function];
    const auto order = orders.find(function);
    if (order != orders.end() && --order->second.nth == 0) {
        const CUfileError_t ordered = order->second.error;
        orders.erase(order);
        return ordered;
    }
    if (needs_driver && counts.drivers_open == 0) {
        report(std::string(function) + ": the driver is not open");
        return error(5001);
    }
    return ok;
}

void Machine::require_context(const char* function) {
    void* context = nullptr;
    if (cuCtxGetCurrent(&context) != 0 || context == nullptr)
        report(std::string(function) + ": no CUDA context is current on the thread");
}

CUfileError_t Machine::driver_open() {
    const std::lock_guard lock(mutex);
    if (const CUfileError_t ordered = begin("cuFileDriverOpen", false); ordered.err != 0) return ordered;
    ++counts.drivers_open;
    return ok;
}

CUfileError_t Machine::driver_close() {
    const std::lock_guard lock(mutex);
    if (const CUfileError_t ordered = begin("cuFileDriverClose"); ordered.err != 0) return ordered;
    if (--counts.drivers_open != 0) return ok;
    if (!files_.empty())
        report("cuFileDriverClose: " + std::to_string(files_.size()) + " handles are registered");
    if (!buffers_.empty())
        report("cuFileDriverClose: " + std::to_string(buffers_.size()) + " buffers are registered");
    if (!batches_.empty())
        report("cuFileDriverClose: " + std::to_string(batches_.size()) + " batches are set up");
    if (!streams_.empty())
        report("cuFileDriverClose: " + std::to_string(streams_.size()) + " streams are registered");
    if (statistics_on_) report("cuFileDriverClose: statistics are running");
    statistics_on_ = false;
    totals_ = CUfileStatsLevel1_t{};
    gpu_ = CUfilePerGpuStats_t{};
    return ok;
}

CUfileError_t Machine::get_properties(CUfileDrvProps_t* properties) {
    const std::lock_guard lock(mutex);
    if (const CUfileError_t ordered = begin("cuFileDriverGetProperties"); ordered.err != 0) return ordered;
    const auto size = [this](int parameter, size_t otherwise) {
        const auto found = sizes.find(parameter);
        return found != sizes.end() ? found->second : otherwise;
    };
    *properties = CUfileDrvProps_t{};
    properties->nvfs.major_version = nvfs_major;
    properties->nvfs.minor_version = nvfs_major != 0 ? 17 : 0;
    properties->nvfs.poll_thresh_size = 4;
    properties->nvfs.max_direct_io_size = size(5, 16384);
    properties->nvfs.dstatusflags = status_flags;
    properties->nvfs.dcontrolflags = 1u << 1;
    properties->fflags = feature_flags;
    properties->max_device_cache_size = static_cast<unsigned>(size(6, 131072));
    properties->per_buffer_cache_size = 1024;
    properties->max_device_pinned_mem_size = static_cast<unsigned>(size(8, 33554432));
    properties->max_batch_io_size = 128;
    properties->max_batch_io_timeout_msecs = 5;
    return ok;
}

// The setters of the open driver; each stands for a parameter.
CUfileError_t Machine::set_limit(const char* function, size_t kib) {
    const std::lock_guard lock(mutex);
    if (const CUfileError_t ordered = begin(function); ordered.err != 0) return ordered;
    const std::string name = function;
    sizes[name == "cuFileDriverSetMaxDirectIOSize" ? 5 : name == "cuFileDriverSetMaxCacheSize" ? 6 : 8] = kib;
    return ok;
}

CUfileError_t Machine::get_version(int* version_out) {
    const std::lock_guard lock(mutex);
    if (const CUfileError_t ordered = begin("cuFileGetVersion", false); ordered.err != 0) return ordered;
    *version_out = version;
    return ok;
}

CUfileError_t Machine::set_before_open(const char* function) {
    if (const CUfileError_t ordered = begin(function, false); ordered.err != 0) return ordered;
    return counts.drivers_open != 0 ? error(5026) : ok;
}

CUfileError_t Machine::set_size(int parameter, size_t value) {
    const std::lock_guard lock(mutex);
    const CUfileError_t result = set_before_open("cuFileSetParameterSizeT");
    if (result.err == 0) sizes[parameter] = value;
    return result;
}

CUfileError_t Machine::get_size(int parameter, size_t* value) {
    const std::lock_guard lock(mutex);
    if (const CUfileError_t ordered = begin("cuFileGetParameterSizeT", false); ordered.err != 0)
        return ordered;
    *value = sizes[parameter];
    return ok;
}

CUfileError_t Machine::set_bool(int parameter, bool value) {
    const std::lock_guard lock(mutex);
    const CUfileError_t result = set_before_open("cuFileSetParameterBool");
    if (result.err == 0) switches[parameter] = value;
    return result;
}

CUfileError_t Machine::get_bool(int parameter, bool* value) {
    const std::lock_guard lock(mutex);
    if (const CUfileError_t ordered = begin("cuFileGetParameterBool", false); ordered.err != 0)
        return ordered;
    const auto found = switches.find(parameter);
    *value = found != switches.end() && found->second;
    return ok;
}

CUfileError_t Machine::set_string(int parameter, const char* value) {
    const std::lock_guard lock(mutex);
    const CUfileError_t result = set_before_open("cuFileSetParameterString");
    if (result.err != 0) return result;
    if (parameter != 2) report("cuFileSetParameterString: parameter " + std::to_string(parameter));
    log_directory = value;
    return ok;
}

CUfileError_t Machine::get_p2p_flags(int target, int* flags) {
    const std::lock_guard lock(mutex);
    if (const CUfileError_t ordered = begin("cuFileDriverGetP2PFlags"); ordered.err != 0) return ordered;
    if (target != 4) report("cuFileDriverGetP2PFlags: target " + std::to_string(target) + " is not NVMe");
    *flags = p2p_flags;
    return ok;
}

CUfileError_t Machine::handle_register(void** handle, CUfileDescr_t* descriptor) {
    const std::lock_guard lock(mutex);
    if (const CUfileError_t ordered = begin("cuFileHandleRegister"); ordered.err != 0) return ordered;
    if (descriptor->type != 1) report("cuFileHandleRegister: type is " + std::to_string(descriptor->type));
    if (descriptor->fs_ops != nullptr) report("cuFileHandleRegister: fs_ops is not NULL");
    // The upper half of the union is stale unless the struct was zeroed first.
    if (reinterpret_cast<uintptr_t>(descriptor->handle.handle) >> 32 != 0)
        report("cuFileHandleRegister: the descriptor was not zeroed");
    const int fd = descriptor->handle.fd;
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return error(5022);
    if ((flags & (O_APPEND | O_NONBLOCK | O_DIRECTORY | O_NOATIME)) != 0) return error(5019);
    for (const auto& [registered, file] : files_)
        if (file->fd == fd) return error(5028);
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    const int buffered_fd = ::open(path.c_str(), (flags & O_ACCMODE) | O_CLOEXEC);
    if (buffered_fd < 0) return error(5031);
    auto file = std::make_unique<File>(File{fd, buffered_fd});
    *handle = file.get();
    files_[*handle] = std::move(file);
    counts.handles = files_.size();
    if (counts.handles > counts.most_handles) counts.most_handles = counts.handles;
    return ok;
}

void Machine::handle_deregister(void* handle) {
    const std::lock_guard lock(mutex);
    begin("cuFileHandleDeregister");
    File* file = find(handle);
    if (file == nullptr) return report("cuFileHandleDeregister: the handle is not registered");
    if (file->in_flight != 0) report("cuFileHandleDeregister: transfers of the file are in flight");
    if (fcntl(file->fd, F_GETFD) < 0) report("cuFileHandleDeregister: the descriptor was closed before");
    ::close(file->buffered_fd);
    files_.erase(handle);
    counts.handles = files_.size();
}

CUfileError_t Machine::buffer_register(const void* base, size_t bytes, int flags) {
    const std::lock_guard lock(mutex);
    if (const CUfileError_t ordered = begin("cuFileBufRegister"); ordered.err != 0) return ordered;
    require_context("cuFileBufRegister");
    if (flags != 0) report("cuFileBufRegister: flags are not 0");
    const auto first = reinterpret_cast<uintptr_t>(base);
    if (tio_standin_cuda_owns(first, bytes) == 0) return error(5013);
    for (const auto& [other, length] : buffers_)
        if (first < other + length && other < first + bytes) return error(5023);
    buffers_[first] = bytes;
    counts.buffers = buffers_.size();
    counts.buffer_bytes += bytes;
    return ok;
}

CUfileError_t Machine::buffer_deregister(const void* base) {
    const std::lock_guard lock(mutex);
    if (const CUfileError_t ordered = begin("cuFileBufDeregister"); ordered.err != 0) return ordered;
    require_context("cuFileBufDeregister");
    const auto found = buffers_.find(reinterpret_cast<uintptr_t>(base));
    if (found == buffers_.end()) {
        report("cuFileBufDeregister: the buffer is not registered");
        return error(5024);
    }
    if (tio_standin_cuda_owns(found->first, found->second) == 0)
        report("cuFileBufDeregister: the memory was freed while it was registered");
    counts.buffer_bytes -= found->second;
    buffers_.erase(found);
    counts.buffers = buffers_.size();
    return ok;
}

CUfileError_t Machine::stream_register(void* stream, unsigned flags) {
    const std::lock_guard lock(mutex);
    if (const CUfileError_t ordered = begin("cuFileStreamRegister"); ordered.err != 0) return ordered;
    require_context("cuFileStreamRegister");
    if (flags > 0xF) return error(5022);
    streams_[stream] = flags;
    counts.streams = streams_.size();
    return ok;
}

CUfileError_t Machine::stream_deregister(void* stream) {
    const std::lock_guard lock(mutex);
    if (const CUfileError_t ordered = begin("cuFileStreamDeregister"); ordered.err != 0) return ordered;
    if (streams_.erase(stream) == 0) {
        report("cuFileStreamDeregister: the stream is not registered");
        return error(5022);
    }
    counts.streams = streams_.size();
    return ok;
}

CUfileError_t Machine::set_statistics_level(int level) {
    const std::lock_guard lock(mutex);
    if (const CUfileError_t ordered = begin("cuFileSetStatsLevel", false); ordered.err != 0) return ordered;
    if (level < 0 || level > 3) return error(5022);
    statistics_level_ = level;
    return ok;
}

CUfileError_t Machine::statistics_switch(const char* function, bool on) {
    const std::lock_guard lock(mutex);
    if (const CUfileError_t ordered = begin(function); ordered.err != 0) return ordered;
    if (on && statistics_level_ == 0) report("cuFileStatsStart: no level was set");
    statistics_on_ = on;
    return ok;
}

CUfileError_t Machine::get_statistics(bool with_vector, void* statistics) {
    const std::lock_guard lock(mutex);
    if (const CUfileError_t ordered = begin("cuFileGetStatsL3"); ordered.err != 0) return ordered;
    if (statistics_level_ < 3) return error(5022);
    Gpus gpus{};
    gpus.num_gpus = statistics_gpus;
    // On the last GPU, so that only a reader of all finds it.
    if (statistics_gpus > 0 && statistics_gpus <= most_gpus) gpus.per_gpu_stats[statistics_gpus - 1] = gpu_;
    if (!with_vector) {
        *static_cast<CUfileStatsLevel3_t*>(statistics) = CUfileStatsLevel3_t{totals_, {}, gpus};
        return ok;
    }
    Histograms histograms{};
    histograms.write_size_kb_hist[18] = 1000;  // where the older layout has its count of GPUs
    *static_cast<CUfileStatsLevel3WithVector_t*>(statistics) =
        CUfileStatsLevel3WithVector_t{totals_, {}, histograms, gpus};
    return ok;
}

File* Machine::find(void* handle) {
    const auto found = files_.find(handle);
    return found != files_.end() ? found->second.get() : nullptr;
}

Machine& machine() {
    static Machine* instance = new Machine;
    return *instance;
}

}  // namespace tio::standin::cufile
