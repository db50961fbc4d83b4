function e(e){let t=t=>e.split(t).length;return[`,`,`;`,`	`].sort((e,n)=>t(n)-t(e))[0]}function t(t){let n=t.replace(/^\uFEFF/,``),r=e(n.split(`
`,1)[0]??``),i=[],a=[],o=``,s=!1;for(let e=0;e<n.length;e++){let t=n[e];s?t===`"`?n[e+1]===`"`?o+=n[++e]:s=!1:o+=t:t===`"`&&o===``?s=!0:t===r||t===`
`?(a.push(o.replace(/\r$/,``)),o=``,t===`
`&&(i.push(a),a=[])):o+=t}(o||a.length)&&i.push([...a,o.replace(/\r$/,``)]);let[c=[],...l]=i.filter(e=>e.some(e=>e.trim()!==``));return{head:c.map(e=>e.trim().toLowerCase()),rows:l}}var n=e=>/^[=+@\t]|^-(?![\d.]+$)/.test(e)?`'${e}`:e,r=e=>{let t=n(String(e??``));return/[",;\n\r]/.test(t)?`"${t.replaceAll(`"`,`""`)}"`:t};function i(e,t){return[e,...t].map(e=>e.map(r).join(`,`)).join(`\r
`)+`\r
`}function a(e,t){let n=document.createElement(`a`),r=t instanceof Blob?t:new Blob([`﻿`,t],{type:`text/csv`});n.href=URL.createObjectURL(r),n.download=e,n.click(),window.setTimeout(()=>URL.revokeObjectURL(n.href),1e3)}export{t as n,a as r,i as t};