#include "cufile/route.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <mutex>

#include "cufile/device_contexts.h"
#include "cufile/errors.h"

namespace tio::gds::cufile {

namespace {

namespace fs = std::filesystem;

constexpr size_t trial_bytes = 4096;

// statfs f_type, and for network file systems the bit of cuFile's status flags that stands for it.
constexpr uint64_t ext4 = 0xEF53;
constexpr uint64_t xfs = 0x58465342;
struct NetworkFileSystem {
    uint64_t type;
    unsigned status_bit;
    const char* name;
};
constexpr NetworkFileSystem network_file_systems[] = {
    {0x0BD00BD0, 0, "Lustre"}, {0x6969, 2, "NFS"}, {0x47504653, 3, "GPFS"}, {0x19830326, 9, "BeeGFS"}};

bool has_bit(uint32_t flags, unsigned bit) {
    return (flags >> bit & 1) != 0;
}

bool environment_says_yes(const char* variable) {
    const char* value = std::getenv(variable);
    if (value == nullptr) return false;
    const std::string text = value;
    return text == "1" || text == "true" || text == "TRUE" || text == "True";
}

// A parameter as the open driver has it, or nothing where libcufile cannot tell.
std::optional<bool> parameter(const EntryPoints& call, BoolParameter which) {
    bool value = false;
    if (call.get_parameter_bool == nullptr || call.get_parameter_bool(which, &value).code != success)
        return {};
    return value;
}

bool p2pdma_is_enabled(const Driver& driver) {
    const EntryPoints& call = driver.library().call();
    const DriverProperties& properties = driver.properties();
    const bool wanted =
        parameter(call, param_use_pci_p2pdma).value_or(environment_says_yes("CUFILE_USE_PCIP2PDMA"));
    if (!wanted) return false;
    int flags = 0;
    if (call.get_p2p_flags != nullptr &&
        call.get_p2p_flags(static_cast<int>(status_nvme), &flags).code == success)
        return (static_cast<unsigned>(flags) & p2p_pci_p2pdma) != 0;
    return has_bit(properties.nvfs_status_flags, status_nvme_p2p) &&
           has_bit(properties.feature_flags, feature_p2p);
}

RouteFacts gather(const Driver& driver, const File& file) {
    struct stat status {};
    if (fstat(file.fd(), &status) != 0) throw Failure::from_errno("fstat", errno);
    const DriverProperties& properties = driver.properties();
    RouteFacts facts;
    facts.direct = file.direct();
    facts.file_system = file.info().file_system;
    facts.on_nvme = is_nvme(S_ISBLK(status.st_mode) ? status.st_rdev : status.st_dev);
    facts.forced_compatibility = parameter(driver.library().call(), param_force_compat)
                                     .value_or(environment_says_yes("CUFILE_FORCE_COMPAT_MODE"));
    facts.p2pdma_enabled = p2pdma_is_enabled(driver);
    facts.nvidia_fs_loaded = properties.nvfs_major != 0;
    facts.status_flags = properties.nvfs_status_flags;
    return facts;
}

// Device memory that a trial reads into: a block of cuFile's, registered, so that the read is an aligned one
// as those of a real transfer are.
class TrialMemory {
  public:
    TrialMemory(const cuda::Driver& cuda, Driver& driver, const DeviceContexts& contexts)
        : cuda_(cuda), driver_(driver) {
        cuda_.check(cuda_.memory_allocate(&pointer_, 2 * trial_bytes), "cuMemAlloc for a trial read");
        try {
            // cuMemAlloc aligns to 256 bytes only, and cuFile counts an unaligned base as an unaligned
            // transfer.
            const auto* base =
                reinterpret_cast<const std::byte*>((pointer_ + trial_bytes - 1) / trial_bytes * trial_bytes);
            range_ = driver_.buffers().acquire(base, trial_bytes, contexts.locate(base).allocation);
        } catch (...) {
            cuda_.memory_free(pointer_);
            throw;
        }
    }
    ~TrialMemory() {
        try {
            driver_.buffers().release(range_.base);
        } catch (const Failure&) {
            // Freed below all the same: leaving it would only leak.
        }
        cuda_.memory_free(pointer_);
    }
    TrialMemory(const TrialMemory&) = delete;
    TrialMemory& operator=(const TrialMemory&) = delete;

    void* base() const noexcept { return const_cast<std::byte*>(range_.base); }

  private:
    const cuda::Driver& cuda_;
    Driver& driver_;
    cuda::DevicePointer pointer_ = 0;
    BufferRegistry::Range range_;
};

class Collecting {
  public:
    explicit Collecting(Driver& driver) : driver_(driver) { driver_.statistics().begin(driver_.library()); }
    ~Collecting() { driver_.statistics().end(); }
    Collecting(const Collecting&) = delete;
    Collecting& operator=(const Collecting&) = delete;

  private:
    Driver& driver_;
};

RouteCounts try_a_read(Driver& driver, Handle handle, int device) {
    // Counters are the process's: two trials at once would see one another.
    static std::mutex one_at_a_time;
    const std::lock_guard lock(one_at_a_time);
    const cuda::Driver& cuda = cuda::Driver::shared();
    DeviceContexts contexts(cuda);
    const cuda::CurrentContext current(contexts.of(device));
    const Collecting collecting(driver);
    const TrialMemory memory(cuda, driver, contexts);
    const RouteCounts before = driver.statistics().read().read_routes;
    errno = 0;
    const ssize_t result = driver.library().call().read(handle, memory.base(), trial_bytes, 0, 0);
    if (result < 0) {
        const int code = code_of_result(result, errno);
        if (code > error_base) throw failure_of("a trial read", Error{code, 0});
        throw Failure::from_errno("a trial read", code);
    }
    return driver.statistics().read().read_routes - before;
}

}  // namespace

bool is_nvme(uint64_t device_number, const std::string& sys) {
    std::error_code error;
    const fs::path link = fs::path(sys) / "dev/block" /
                          (std::to_string(major(device_number)) + ":" + std::to_string(minor(device_number)));
    const fs::path device = fs::canonical(link, error);
    if (error) return false;
    // A partition is a folder inside its disk's.
    const fs::path disk = fs::exists(device / "partition", error) ? device.parent_path() : device;
    if (disk.filename().string().compare(0, 4, "nvme") == 0) return true;
    bool has_parts = false;
    for (const auto& part : fs::directory_iterator(disk / "slaves", error)) {
        has_parts = true;
        if (part.path().filename().string().compare(0, 4, "nvme") != 0) return false;
    }
    return has_parts;
}

uint32_t expected_route(const RouteFacts& facts, std::string& why) {
    const auto compatibility = [&why](const std::string& reason) {
        why = "compatibility mode: " + reason;
        return static_cast<uint32_t>(TIO_ROUTE_COMPATIBILITY);
    };
    if (facts.forced_compatibility) return compatibility("it is forced (force_compat_mode)");
    if (!facts.direct) return compatibility("the file is open without O_DIRECT");
    for (const NetworkFileSystem& network : network_file_systems) {
        if (facts.file_system != network.type) continue;
        if (!facts.nvidia_fs_loaded) return compatibility("the nvidia-fs kernel module is not loaded");
        if (!has_bit(facts.status_flags, network.status_bit))
            return compatibility(std::string("cuFile's driver does not support ") + network.name + " here");
        why = std::string("nvidia-fs: ") + network.name + " is supported";
        return TIO_ROUTE_NVIDIA_FS;
    }
    if (facts.file_system != ext4 && facts.file_system != xfs)
        return compatibility("the file system is neither ext4, XFS nor one that cuFile's driver supports");
    if (!facts.on_nvme) return compatibility("the file is not on an NVMe device");
    if (facts.p2pdma_enabled) {
        why = "PCI P2PDMA: it is enabled and the driver supports it for NVMe";
        return TIO_ROUTE_PCI_P2PDMA;
    }
    if (!facts.nvidia_fs_loaded)
        return compatibility("neither is the nvidia-fs kernel module loaded nor PCI P2PDMA usable");
    if (!has_bit(facts.status_flags, status_nvme))
        return compatibility("nvidia-fs does not support NVMe here");
    why = "nvidia-fs: it is loaded and supports NVMe";
    return TIO_ROUTE_NVIDIA_FS;
}

uint32_t witnessed_route(const RouteCounts& counts) noexcept {
    // The process may have had other reads in flight: more than one way is no witness of any.
    const int ways = (counts.p2p != 0) + (counts.nvfs != 0) + (counts.posix != 0);
    if (ways != 1) return TIO_ROUTE_UNKNOWN;
    if (counts.p2p != 0) return TIO_ROUTE_PCI_P2PDMA;
    return counts.nvfs != 0 ? TIO_ROUTE_NVIDIA_FS : TIO_ROUTE_COMPATIBILITY;
}

Route find_route(Driver& driver, File& file, int device) {
    Handle handle = nullptr;
    require_success("cuFileHandleRegister", driver.files().handle_of(file, handle));
    Route route;
    route.expected = expected_route(gather(driver, file), route.why);
    if (device < 0) return route;
    if ((driver.library().capabilities() & TIO_CUFILE_CAN_STATISTICS) == 0) {
        route.why += "; no trial: libcufile " + driver.library().version_text() + " has no statistics";
    } else if (file.info().size < trial_bytes) {
        route.why += "; no trial: the file has less than 4096 bytes";
    } else {
        route.trial = try_a_read(driver, handle, device);
        route.witnessed = witnessed_route(route.trial);
        if (route.witnessed == TIO_ROUTE_UNKNOWN)
            route.why += "; the trial's counters tell no single way";
        else if (route.witnessed != route.expected)
            route.why += "; but cuFile's counters saw the trial read go another way, and they are right";
        else
            route.why += "; cuFile's counters confirm it";
    }
    return route;
}

}  // namespace tio::gds::cufile
