#include "cufile/errors.h"

#include <algorithm>
#include <cerrno>
#include <iterator>

namespace tio::gds::cufile {

namespace {

struct KnownCode {
    int code;
    tio_status status;
    const char* name;
    const char* meaning;
};

// In ascending order: found by binary search. 5021 is only in 12.x headers, 5032 in none.
constexpr KnownCode known_codes[] = {
    {5001, TIO_E_UNSUPPORTED, "CU_FILE_DRIVER_NOT_INITIALIZED", "the cuFile driver is not open"},
    {5002, TIO_E_INVALID, "CU_FILE_DRIVER_INVALID_PROPS", "a driver property is invalid"},
    {5003, TIO_E_INVALID, "CU_FILE_DRIVER_UNSUPPORTED_LIMIT", "a property is beyond what the driver allows"},
    {5004, TIO_E_UNSUPPORTED, "CU_FILE_DRIVER_VERSION_MISMATCH",
     "nvidia-fs and libcufile do not fit together; install them from one CUDA release"},
    {5005, TIO_E_UNSUPPORTED, "CU_FILE_DRIVER_VERSION_READ_ERROR", "the version of nvidia-fs cannot be read"},
    {5006, TIO_E_CLOSED, "CU_FILE_DRIVER_CLOSING", "the cuFile driver is being closed"},
    {5007, TIO_E_UNSUPPORTED, "CU_FILE_PLATFORM_NOT_SUPPORTED", "cuFile does not support this platform"},
    {5008, TIO_E_UNSUPPORTED, "CU_FILE_IO_NOT_SUPPORTED", "cuFile does not support I/O on this file"},
    {5009, TIO_E_UNSUPPORTED, "CU_FILE_DEVICE_NOT_SUPPORTED", "cuFile does not support this GPU"},
    {5010, TIO_E_UNSUPPORTED, "CU_FILE_NVFS_DRIVER_ERROR",
     "the nvidia-fs kernel driver failed or is not loaded (also what a failed P2PDMA set-up says)"},
    {5011, TIO_E_DEVICE, "CU_FILE_CUDA_DRIVER_ERROR", "a CUDA driver call inside cuFile failed"},
    {5012, TIO_E_INVALID, "CU_FILE_CUDA_POINTER_INVALID", "the address is not device memory"},
    {5013, TIO_E_INVALID, "CU_FILE_CUDA_MEMORY_TYPE_INVALID",
     "only memory of cudaMalloc or cuMemAlloc can be registered"},
    {5014, TIO_E_INVALID, "CU_FILE_CUDA_POINTER_RANGE_ERROR", "the range leaves its allocation"},
    {5015, TIO_E_INVALID, "CU_FILE_CUDA_CONTEXT_MISMATCH",
     "the memory belongs to another CUDA context than the current one"},
    {5016, TIO_E_INVALID, "CU_FILE_INVALID_MAPPING_SIZE",
     "the transfer is larger than the registered buffer"},
    {5017, TIO_E_INVALID, "CU_FILE_INVALID_MAPPING_RANGE", "the transfer leaves the registered buffer"},
    {5018, TIO_E_UNSUPPORTED, "CU_FILE_INVALID_FILE_TYPE", "cuFile does not support this kind of file"},
    {5019, TIO_E_UNSUPPORTED, "CU_FILE_INVALID_FILE_OPEN_FLAG",
     "the file was opened with a flag that cuFile refuses"},
    {5020, TIO_E_UNSUPPORTED, "CU_FILE_DIO_NOT_SET", "cuFile needs O_DIRECT on this file"},
    {5021, TIO_E_UNSUPPORTED, "CU_FILE_EXPECTED_FILE_MODE", "the file has a mode that cuFile refuses"},
    {5022, TIO_E_INVALID, "CU_FILE_INVALID_VALUE", "an argument is invalid"},
    {5023, TIO_E_INVALID, "CU_FILE_MEMORY_ALREADY_REGISTERED", "the buffer is registered already"},
    {5024, TIO_E_INVALID, "CU_FILE_MEMORY_NOT_REGISTERED", "the buffer is not registered"},
    {5025, TIO_E_DEVICE, "CU_FILE_PERMISSION_DENIED", "access to the device or the file was denied"},
    {5026, TIO_E_INVALID, "CU_FILE_DRIVER_ALREADY_OPEN",
     "parameters can be set only before the cuFile driver is opened"},
    {5027, TIO_E_INVALID, "CU_FILE_HANDLE_NOT_REGISTERED", "the file handle is not registered"},
    {5028, TIO_E_INVALID, "CU_FILE_HANDLE_ALREADY_REGISTERED", "the file descriptor is registered already"},
    {5029, TIO_E_UNSUPPORTED, "CU_FILE_DEVICE_NOT_FOUND", "the GPU or the storage device was not found"},
    {5030, TIO_E_DEVICE, "CU_FILE_INTERNAL_ERROR",
     "cuFile reports an internal error; see its log, cufile.log"},
    {5031, TIO_E_DEVICE, "CU_FILE_GETNEWFD_FAILED", "no new file descriptor; raise 'ulimit -n'"},
    {5033, TIO_E_UNSUPPORTED, "CU_FILE_NVFS_SETUP_ERROR", "nvidia-fs could not be set up"},
    {5034, TIO_E_UNSUPPORTED, "CU_FILE_IO_DISABLED", "GPUDirect Storage is disabled for this file"},
    {5035, TIO_E_DEVICE, "CU_FILE_BATCH_SUBMIT_FAILED", "the batch could not be submitted"},
    {5036, TIO_E_NOMEM, "CU_FILE_GPU_MEMORY_PINNING_FAILED",
     "GPU memory could not be pinned (BAR1 or max_device_pinned_mem_size is used up)"},
    {5037, TIO_E_BUSY, "CU_FILE_BATCH_FULL", "the batch holds no more entries"},
    {5038, TIO_E_UNSUPPORTED, "CU_FILE_ASYNC_NOT_SUPPORTED",
     "stream-ordered I/O is off (parallel_io, max_io_threads) or not supported"},
    {5039, TIO_E_BUSY, "CU_FILE_INTERNAL_BATCH_SETUP_ERROR",
     "the batch could not be set up; try again later"},
    {5040, TIO_E_BUSY, "CU_FILE_INTERNAL_BATCH_SUBMIT_ERROR",
     "the batch could not be submitted; try again later"},
    {5041, TIO_E_BUSY, "CU_FILE_INTERNAL_BATCH_GETSTATUS_ERROR",
     "the batch's state could not be read; try again later"},
    {5042, TIO_E_BUSY, "CU_FILE_INTERNAL_BATCH_CANCEL_ERROR",
     "the batch could not be cancelled; try again later"},
    {5043, TIO_E_NOMEM, "CU_FILE_NOMEM_ERROR", "cuFile is out of memory"},
    {5044, TIO_E_DEVICE, "CU_FILE_IO_ERROR", "the transfer failed"},
    {5045, TIO_E_NOMEM, "CU_FILE_INTERNAL_BUF_REGISTER_ERROR", "the buffer could not be registered"},
    {5046, TIO_E_DEVICE, "CU_FILE_HASH_OPR_ERROR", "an operation on cuFile's tables failed"},
    {5047, TIO_E_INVALID, "CU_FILE_INVALID_CONTEXT_ERROR", "the current CUDA context is invalid"},
    {5048, TIO_E_DEVICE, "CU_FILE_NVFS_INTERNAL_DRIVER_ERROR", "nvidia-fs reports an internal error"},
    {5049, TIO_E_UNSUPPORTED, "CU_FILE_BATCH_NOCOMPAT_ERROR",
     "batches do not work in compatibility mode here"},
    {5050, TIO_E_DEVICE, "CU_FILE_IO_MAX_ERROR", "the transfer is beyond cuFile's limits"},
};

const KnownCode* find(int code) noexcept {
    const auto* found =
        std::lower_bound(std::begin(known_codes), std::end(known_codes), code,
                         [](const KnownCode& known, int wanted) { return known.code < wanted; });
    return found != std::end(known_codes) && found->code == code ? found : nullptr;
}

}  // namespace

std::string describe_code(int code) {
    const KnownCode* known = find(code);
    if (known == nullptr) return "cuFile error " + std::to_string(code);
    return std::string(known->name) + " (" + std::to_string(code) + "): " + known->meaning;
}

std::string describe(Error error) {
    std::string text = describe_code(error.code);
    if (error.code == cuda_driver_error) text += " (CUresult " + std::to_string(error.cuda_error) + ")";
    return text;
}

tio_status status_of_code(int code) noexcept {
    const KnownCode* known = find(code);
    return known != nullptr ? known->status : TIO_E_DEVICE;
}

Failure failure_of(const std::string& what, Error error) {
    return Failure(status_of_code(error.code), what + ": " + describe(error));
}

void require_success(const std::string& what, Error error) {
    if (error.code != success) throw failure_of(what, error);
}

int code_of_result(int64_t result, int sys_errno) noexcept {
    if (result == -1) return sys_errno != 0 ? sys_errno : EIO;
    // -(5000 + n) by the book; small negative numbers that are not -1 were seen in the wild for a plain
    // errno.
    return result > INT32_MIN ? static_cast<int>(-result) : EIO;
}

}  // namespace tio::gds::cufile
