package mailsync
import ("testing";"testing/synctest";"fmt";"sort";"strings";"os";"strconv")
func TestZZ(t *testing.T){
	n,_:=strconv.Atoi(os.Getenv("N"))
	counts:=map[string]int{}; ex:=map[string]uint64{}
	for b:=0;b<n;b+=50{ synctest.Test(t,func(*testing.T){
		for i:=b;i<b+50;i++{ w:=newWorld(uint64(i),sound); for _,v:=range w.history(){
			k:=strings.Map(func(r rune)rune{if r>='0'&&r<='9'{return -1};return r},v); if len(k)>70{k=k[:70]}
			counts[k]++; if _,ok:=ex[k];!ok{ex[k]=uint64(i)} } } })}
	var ks []string; for k:=range counts{ks=append(ks,k)}; sort.Strings(ks)
	for _,k:=range ks{fmt.Println(counts[k],ex[k],k)}
}
