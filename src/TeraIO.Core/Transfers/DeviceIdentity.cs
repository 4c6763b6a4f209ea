using System.Runtime.InteropServices;
using TeraIO.Core.Interop;

namespace TeraIO.Core.Transfers;

/// <summary>Which GPU an ordinal stands for: CUDA_VISIBLE_DEVICES and another machine give it to another one.</summary>
internal static unsafe class DeviceIdentity
{
    private const int Capacity = 512;

    /// <summary>The model and its place on the PCI bus, such as <c>NVIDIA H100 80GB HBM3 at 0000:3b:00.0</c>.</summary>
    /// <param name="ordinal">Of the CUDA device.</param>
    /// <exception cref="ConfigurationException">There is no such device, or no CUDA driver.</exception>
    public static string Of(int ordinal)
    {
        NativeMethods.Gds.EnsureLoaded();
        byte* text = stackalloc byte[Capacity];
        return NativeMethods.Gds.DeviceDescribe((uint)ordinal, text, Capacity) == TransferStatus.Ok
            ? Marshal.PtrToStringUTF8((nint)text)!
            : throw new ConfigurationException($"There is no telling which GPU CUDA device {ordinal} is: {NativeMethods.Gds.LastError()}. 'teraio doctor' tells which devices there are.");
    }
}
