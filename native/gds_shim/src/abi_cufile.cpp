// The C ABI: cuFile.
#include <algorithm>
#include <string>

#include "arguments.h"
#include "cuda/driver.h"
#include "cufile/driver.h"
#include "cufile/errors.h"
#include "cufile/route.h"
#include "struct_size.h"

using namespace tio::gds;
using namespace tio::gds::cufile;

namespace {

constexpr uint64_t kib = 1024;

Switch switch_of(uint32_t value, const char* name) {
    switch (value) {
        case TIO_SWITCH_AS_CONFIGURED:
            return Switch::as_configured;
        case TIO_SWITCH_ON:
            return Switch::on;
        case TIO_SWITCH_OFF:
            return Switch::off;
        default:
            throw Failure(TIO_E_INVALID, std::string(name) + " is none of TIO_SWITCH_*");
    }
}

uint64_t kib_of(uint64_t bytes, uint64_t unit, const char* name) {
    if (bytes % unit != 0)
        throw Failure(TIO_E_INVALID, std::string(name) + " is " + std::to_string(bytes) +
                                         ", not a multiple of " + std::to_string(unit));
    return bytes / kib;
}

std::vector<std::string> split(const char* text) {
    std::vector<std::string> parts;
    const std::string whole = text != nullptr ? text : "";
    for (size_t begin = 0; begin <= whole.size();) {
        const size_t end = std::min(whole.find(':', begin), whole.size());
        if (end > begin) parts.push_back(whole.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

Settings settings_of(const tio_gds_cufile_options& options) {
    if (options.reserved != 0) throw Failure(TIO_E_INVALID, "reserved is not 0");
    Settings settings;
    settings.allow_compatibility = switch_of(options.allow_compatibility, "allow_compatibility");
    settings.use_pci_p2pdma = switch_of(options.use_pci_p2pdma, "use_pci_p2pdma");
    settings.max_direct_io_kib = kib_of(options.max_direct_io_bytes, 64 * kib, "max_direct_io_bytes");
    settings.max_device_cache_kib = kib_of(options.max_device_cache_bytes, kib, "max_device_cache_bytes");
    settings.max_pinned_kib = kib_of(options.max_pinned_bytes, kib, "max_pinned_bytes");
    settings.registration_budget_bytes = options.registration_budget_bytes;
    settings.search_roots = split(options.search_roots);
    if (options.log_directory != nullptr) settings.log_directory = options.log_directory;
    return settings;
}

tio_gds_cufile_info info_of(Driver& driver) {
    const DriverProperties& properties = driver.properties();
    const BufferRegistry::Totals registered = driver.buffers().totals();
    tio_gds_cufile_info info{};
    info.struct_size = sizeof(info);
    info.version = static_cast<uint32_t>(driver.library().version());
    info.capabilities = driver.library().capabilities();
    info.nvfs_major = properties.nvfs_major;
    info.nvfs_minor = properties.nvfs_minor;
    info.status_flags = properties.nvfs_status_flags;
    info.control_flags = properties.nvfs_control_flags;
    info.feature_flags = properties.feature_flags;
    info.max_direct_io_bytes = kib * properties.max_direct_io_kib;
    info.max_device_cache_bytes = kib * properties.max_device_cache_kib;
    info.per_buffer_cache_bytes = kib * properties.per_buffer_cache_kib;
    info.max_pinned_bytes = kib * properties.max_pinned_kib;
    info.max_batch_entries = properties.max_batch_entries;
    info.registered_files = driver.files().registered_files();
    info.registered_buffers = registered.buffers;
    info.registered_bytes = registered.bytes;
    info.registration_budget_bytes = driver.registration_budget_bytes();
    return info;
}

// Counters and their switch belong to an open driver: they would be gone with one that is opened for a call.
Driver& open_driver() {
    Driver& driver = Driver::shared();
    if (!driver.is_open())
        throw Failure(TIO_E_INVALID,
                      "the cuFile driver is not open; create a queue with TIO_BACKEND_CUFILE first");
    return driver;
}

}  // namespace

tio_status tio_gds_cufile_configure(const tio_gds_cufile_options* options) {
    return guarded("tio_gds_cufile_configure", [&] {
        require_argument(options, "options");
        require_struct_size(*options, "tio_gds_cufile_options");
        Driver::shared().configure(settings_of(*options));
        return TIO_OK;
    });
}

tio_status tio_gds_cufile_get_info(tio_gds_cufile_info* info, char* path, size_t path_capacity) {
    return guarded("tio_gds_cufile_get_info", [&] {
        require_argument(info, "info");
        const DriverUse driver;
        copy_out(info_of(*driver), info, "tio_gds_cufile_info");
        copy_text(driver->library().path(), path, path_capacity);
        return TIO_OK;
    });
}

tio_status tio_gds_file_get_route(tio_gds_file* file, int32_t device, tio_gds_route* route, char* why,
                                  size_t why_capacity) {
    return guarded("tio_gds_file_get_route", [&] {
        require_argument(file, "file");
        require_argument(route, "route");
        const DriverUse driver;
        const Route found = find_route(*driver, *file, device);
        tio_gds_route result{};
        result.struct_size = sizeof(result);
        result.expected = found.expected;
        result.witnessed = found.witnessed;
        result.p2pdma_reads = found.trial.p2p;
        result.nvidia_fs_reads = found.trial.nvfs;
        result.posix_reads = found.trial.posix;
        copy_out(result, route, "tio_gds_route");
        copy_text(found.why, why, why_capacity);
        return TIO_OK;
    });
}

tio_status tio_gds_cufile_collect_statistics(uint32_t on) {
    return guarded("tio_gds_cufile_collect_statistics", [&] {
        Driver& driver = open_driver();
        if (on != 0)
            driver.statistics().begin(driver.library());
        else
            driver.statistics().end();
        return TIO_OK;
    });
}

tio_status tio_gds_cufile_get_statistics(tio_gds_cufile_statistics* statistics) {
    return guarded("tio_gds_cufile_get_statistics", [&] {
        require_argument(statistics, "statistics");
        const Statistics read = open_driver().statistics().read();
        tio_gds_cufile_statistics result{};
        result.struct_size = sizeof(result);
        result.reads = read.reads;
        result.failed_reads = read.failed_reads;
        result.read_bytes = read.read_bytes;
        result.writes = read.writes;
        result.failed_writes = read.failed_writes;
        result.written_bytes = read.written_bytes;
        result.p2pdma_reads = read.read_routes.p2p;
        result.nvidia_fs_reads = read.read_routes.nvfs;
        result.posix_reads = read.read_routes.posix;
        result.p2pdma_writes = read.write_routes.p2p;
        result.nvidia_fs_writes = read.write_routes.nvfs;
        result.posix_writes = read.write_routes.posix;
        copy_out(result, statistics, "tio_gds_cufile_statistics");
        return TIO_OK;
    });
}

size_t tio_gds_describe_error(tio_status status, int32_t sys_errno, char* text, size_t capacity) {
    size_t length = 0;
    guarded("tio_gds_describe_error", [&] {
        std::string meaning;
        if (status != TIO_E_DEVICE)
            meaning = sys_errno != 0 ? describe_errno(sys_errno) : status_name(status);
        else if (sys_errno > error_base)
            meaning = describe_code(sys_errno);
        else
            meaning = cuda::Driver::shared().describe(sys_errno);
        length = copy_text(meaning, text, capacity);
        return TIO_OK;
    });
    return length;
}
