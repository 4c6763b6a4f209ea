#compdef teraio
# Completion of teraio for zsh. Asks the program itself; where it knows nothing, files are offered.
_teraio() {
    local -a suggestions
    suggestions=("${(@f)$("${words[1]}" "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)}")
    suggestions=("${(@)suggestions:#}")
    if (( ${#suggestions} )) && compadd -- "${suggestions[@]}"; then
        return 0
    fi
    _files
}
compdef _teraio teraio
