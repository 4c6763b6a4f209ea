using Microsoft.Extensions.Logging;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Storage;

/// <summary>What a store of device memory verifies reads and compares tensors with; or why it has nothing.</summary>
internal sealed class DeviceVerification : IDisposable
{
    private readonly FenceDevice? _device;

    private DeviceVerification(FenceDevice? device, DeviceChecksums? checksums, string? missing)
    {
        _device = device;
        Checksums = checksums;
        Missing = missing;
    }

    /// <summary>Null: there are none.</summary>
    public DeviceChecksums? Checksums { get; }

    /// <summary>Why there are none; null: there are, or nobody asked for them.</summary>
    public string? Missing { get; }

    /// <summary>For the options of a store, which are valid.</summary>
    /// <exception cref="ConfigurationException"><see cref="StoreOptions.VerifyReads"/> is on, and the device has no checksums.</exception>
    public static DeviceVerification Open(StoreOptions options, ILogger logger)
    {
        if (!options.MovesDeviceMemory || options.VerifyReads == false)
            return new DeviceVerification(device: null, checksums: null, missing: null);
        FenceDevice? device = null;
        try
        {
            device = new FenceDevice(options.Device);
            return new DeviceVerification(device, device.CreateChecksums(), missing: null);
        }
        catch (TeraIOException e)
        {
            device?.Dispose();
            if (options.VerifyReads == true)
            {
                throw new ConfigurationException(
                    $"StoreOptions.VerifyReads is on, but with StorageBackend.{options.Backend} tensors lie in the memory of GPU {options.Device}, and it has no checksums: {e.Message} Set it to null or false, or use another Backend.",
                    e);
            }
            logger.LogWarning("Reads of the memory of GPU {Device} are not verified, and unchanged tensors are written again: {Reason}", options.Device, e.Message);
            return new DeviceVerification(device: null, checksums: null, e.Message);
        }
    }

    public void Dispose()
    {
        Checksums?.Dispose();
        _device?.Dispose();
    }
}
