using TeraIO.Torch.Interop;

namespace TeraIO.Torch.Observation;

/// <summary>Numbers operators as the observer meets them. Thread-safe.</summary>
internal sealed class OperatorTable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, uint> _ids = [];
    private volatile OperatorSchema[] _schemas = [];

    /// <summary>Traits of an operator by its schema text, for the observer.</summary>
    public ObserverTraits Describe(string schemaText)
    {
        lock (_lock)
        {
            if (!_ids.TryGetValue(schemaText, out uint id))
            {
                id = (uint)_schemas.Length;
                _schemas = [.. _schemas, OperatorSchema.Parse(schemaText)];
                _ids.Add(schemaText, id);
            }

            OperatorSchema schema = _schemas[id];
            return new ObserverTraits { OpId = id, WrittenArguments = schema.WrittenArguments, Flags = schema.Flags };
        }
    }

    /// <summary>Name with overload, such as <c>aten::add_.Tensor</c>.</summary>
    public string NameOf(uint id)
    {
        OperatorSchema[] schemas = _schemas;
        return id < schemas.Length ? schemas[id].Name : "(unknown op)";
    }
}
