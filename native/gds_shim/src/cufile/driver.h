// The process's cuFile driver: opened for the first user, closed after the last.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cufile/buffer_registry.h"
#include "cufile/file_registry.h"
#include "cufile/library.h"
#include "cufile/statistics.h"

namespace tio::gds::cufile {

enum class Switch : uint8_t { as_configured, on, off };

// What is set before the driver opens; the rest is as cufile.json and the environment have it.
struct Settings {
    Switch allow_compatibility = Switch::as_configured;
    Switch use_pci_p2pdma = Switch::as_configured;
    uint64_t max_direct_io_kib = 0;  // 0: as configured; so below
    uint64_t max_device_cache_kib = 0;
    uint64_t max_pinned_kib = 0;
    uint64_t registration_budget_bytes = 0;  // 0: pinned memory less the cache, by the driver's properties
    std::string log_directory;               // "": as configured
    std::vector<std::string> search_roots;
};

// Thread-safe. One object per process, never destroyed: files that outlive every queue still ask it.
class Driver {
  public:
    static Driver& shared();

    // Throws Failure(TIO_E_INVALID) while the driver is open.
    void configure(const Settings& settings);

    // Meaningful between a Use's construction and destruction.
    const Library& library() const noexcept { return *library_; }
    const DriverProperties& properties() const noexcept { return properties_; }
    uint64_t registration_budget_bytes() const noexcept { return budget_bytes_; }
    FileRegistry& files() noexcept { return files_; }
    BufferRegistry& buffers() noexcept { return buffers_; }
    StatisticsCollector& statistics() noexcept { return statistics_; }
    bool is_open() const;

  private:
    friend class DriverUse;

    void open();
    void close() noexcept;
    void close_at_exit() noexcept;
    void apply_settings();
    void apply_limits();
    void use();
    void disuse() noexcept;

    mutable std::mutex mutex_;
    uint32_t users_ = 0;
    pid_t opened_by_ = 0;
    bool closed_at_exit_ = false;
    Settings settings_;
    std::optional<Library> library_;
    DriverProperties properties_{};
    uint64_t budget_bytes_ = 0;
    FileRegistry files_;
    BufferRegistry buffers_;
    StatisticsCollector statistics_;
};

// Keeps the driver open. Throws Failure where it cannot be opened.
class DriverUse {
  public:
    DriverUse() { Driver::shared().use(); }
    ~DriverUse() { Driver::shared().disuse(); }
    DriverUse(const DriverUse&) = delete;
    DriverUse& operator=(const DriverUse&) = delete;

    Driver& operator*() const noexcept { return Driver::shared(); }

    Driver* operator->() const noexcept { return &Driver::shared(); }
};

}  // namespace tio::gds::cufile
