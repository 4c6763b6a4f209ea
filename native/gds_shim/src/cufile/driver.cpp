#include "cufile/driver.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "cufile/errors.h"

namespace tio::gds::cufile {

namespace {

constexpr uint64_t kib = 1024;

}  // namespace

Driver& Driver::shared() {
    static auto* driver = new Driver;
    return *driver;
}

void Driver::configure(const Settings& settings) {
    const std::lock_guard lock(mutex_);
    if (users_ != 0)
        throw Failure(
            TIO_E_INVALID,
            "the cuFile driver is open and takes no parameters any more; configure it before the first "
            "queue with TIO_BACKEND_CUFILE");
    settings_ = settings;
}

bool Driver::is_open() const {
    const std::lock_guard lock(mutex_);
    return users_ != 0;
}

void Driver::use() {
    const std::lock_guard lock(mutex_);
    if (users_ == 0)
        open();
    else if (opened_by_ != getpid())
        throw Failure(
            TIO_E_UNSUPPORTED,
            "cuFile was opened before this process was forked and cannot be used here; fork first, or "
            "start a new program");
    ++users_;
}

void Driver::disuse() noexcept {
    const std::lock_guard lock(mutex_);
    if (--users_ == 0 && !closed_at_exit_) close();
}

void Driver::open() {
    library_.emplace(Library::open(settings_.search_roots));
    apply_settings();
    require_success("cuFileDriverOpen", library_->call().driver_open());
    try {
        apply_limits();
        properties_ = DriverProperties{};
        require_success("cuFileDriverGetProperties", library_->call().driver_get_properties(&properties_));
    } catch (...) {
        library_->call().driver_close();
        throw;
    }
    budget_bytes_ = settings_.registration_budget_bytes;
    if (budget_bytes_ == 0)
        budget_bytes_ = kib * (properties_.max_pinned_kib -
                               std::min(properties_.max_pinned_kib, properties_.max_device_cache_kib));
    files_.open(library_->call());
    buffers_.open(library_->call(), budget_bytes_);
    opened_by_ = getpid();

    // With statistics on, a process that exits with the driver open may crash (release notes): whoever leaves
    // queues behind at exit still gets it closed. Registered after libcufile was loaded, so it runs before
    // libcufile's own destructors.
    static const int registered = std::atexit([] { Driver::shared().close_at_exit(); });
    static_cast<void>(registered);
}

void Driver::close_at_exit() noexcept {
    // A thread that exit() cut off in the middle of an opening may hold the lock for ever.
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock() || users_ == 0 || opened_by_ != getpid()) return;
    closed_at_exit_ = true;
    library_->call().driver_close();
}

void Driver::close() noexcept {
    statistics_.close();
    buffers_.close();
    files_.close();
    // Nothing sensible can be done about a failure to close.
    library_->call().driver_close();
}

// The parameter interface: before the driver opens, and stronger than environment and cufile.json.
void Driver::apply_settings() {
    const EntryPoints& call = library_->call();
    const bool can = (library_->capabilities() & TIO_CUFILE_CAN_SET_PARAMETERS) != 0;
    const auto set_switch = [&](BoolParameter parameter, Switch value, const char* name) {
        if (value == Switch::as_configured) return;
        if (!can)
            throw Failure(TIO_E_UNSUPPORTED, std::string(name) + " cannot be set with libcufile " +
                                                 library_->version_text() +
                                                 "; it needs 1.14 (CUDA 12.9), or set it in cufile.json");
        require_success(std::string("cuFileSetParameterBool of ") + name,
                        call.set_parameter_bool(parameter, value == Switch::on));
    };
    set_switch(param_allow_compat, settings_.allow_compatibility, "allow_compat_mode");
    set_switch(param_use_pci_p2pdma, settings_.use_pci_p2pdma, "use_pci_p2pdma");
    if (!can) return;  // the sizes have setters for the open driver, and the log stays where it is
    const auto set_size = [&](SizeParameter parameter, uint64_t value, const char* name) {
        if (value == 0) return;
        require_success(std::string("cuFileSetParameterSizeT of ") + name,
                        call.set_parameter_size(parameter, value));
    };
    set_size(param_max_direct_io_kib, settings_.max_direct_io_kib, "max_direct_io_size_kb");
    set_size(param_max_device_cache_kib, settings_.max_device_cache_kib, "max_device_cache_size_kb");
    set_size(param_max_pinned_kib, settings_.max_pinned_kib, "max_device_pinned_mem_size_kb");
    if (!settings_.log_directory.empty())
        require_success("cuFileSetParameterString of log_dir",
                        call.set_parameter_string(param_log_directory, settings_.log_directory.c_str()));
}

// For releases without the parameter interface: setters that want the driver open.
void Driver::apply_limits() {
    if ((library_->capabilities() & TIO_CUFILE_CAN_SET_PARAMETERS) != 0) return;
    const EntryPoints& call = library_->call();
    const auto set = [](Error (*setter)(size_t), uint64_t value, const char* name) {
        if (value == 0) return;
        if (setter == nullptr) throw Failure(TIO_E_UNSUPPORTED, std::string("libcufile has no ") + name);
        require_success(name, setter(value));
    };
    set(call.set_max_direct_io, settings_.max_direct_io_kib, "cuFileDriverSetMaxDirectIOSize");
    set(call.set_max_cache, settings_.max_device_cache_kib, "cuFileDriverSetMaxCacheSize");
    set(call.set_max_pinned, settings_.max_pinned_kib, "cuFileDriverSetMaxPinnedMemSize");
}

}  // namespace tio::gds::cufile
