namespace TeraIO.Core.Tests.Tracing;

/// <summary>Hands out one byte per read.</summary>
internal sealed class DrippingStream(byte[] content) : MemoryStream(content, writable: false)
{
    public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, 1));

    public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(buffer.Length, 1)]);
}
