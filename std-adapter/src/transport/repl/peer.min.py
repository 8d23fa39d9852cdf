import sys as AC,os as L,struct as Be,time as AE,gc as AT,micropython;from array import array as A0;from binascii import crc32 as _;micropython.kbd_intr(-1);AT.collect();Y,AY=(bytearray(1040),bytearray(1040))
for A in range(160):globals()[A]=0
for A in range(160):del globals()[A]
Bc=getattr(AC.stdin,'buffer',AC.stdin);AA=getattr(AC.stdout,'buffer',AC.stdout)
if LOSSY:import select as BD;A7=BD.poll();A7.register(AC.stdin,1);Bz=A7.ipoll
if ROOT:L.chdir(ROOT)
E,P=(Be.pack,Be.unpack_from);A_=bytes(16);AG='.tinyferry-part';Af=(1<<64)-1;Bg=946684800 if AE.localtime(0)[0]==2000 else 0;Aa=A0('I',(0,0));Z=A0('I',range(32))
for A in range(16):
 G=A
 for T in range(4):G=G>>1^(11127430586519243189 if G&1 else 0)
 Z[2*A]=G&4294967295;Z[2*A+1]=G>>32
AN='@micropython.viper\ndef AH(h:ptr8,g:int,c:ptr32,f:ptr32):\n a:uint=uint(c[0]);b:uint=uint(c[1]);d=0\n while d<g:\n  a^=uint(h[d]);d+=1\n  for i in range(2):e:uint=(a&uint(15))<<uint(1);a=a>>uint(4)&uint(268435455)|(b&uint(15))<<uint(28);a^=uint(f[int(e)]);b=b>>uint(4)&uint(268435455)^uint(f[int(e)+1])\n c[0]=int(a);c[1]=int(b)\n'
try:exec(AN)
except SyntaxError:uint=int;exec(AN[AN.find('def'):])
AT.collect()
#
U,Am=(memoryview(Y),memoryview(AY));A6=bytearray(1);R=As=Ar=Aq=C=Az=At=0;Av=1024
def AI():Aa[0]=Aa[1]=4294967295
def Ap():return(Aa[0]|Aa[1]<<32)^Af
def Ax(a):
 global R,Az
 while R<a:
  if not LOSSY:
   if Bc.readinto(U[R:a])!=a-R:raise SystemExit
   R=a
  else:
   for b in Bz(20):Bc.readinto(A6);Y[R]=A6[0];R+=1;break
   else:Az=1;return 0
 return 1
def Ai(a):global R;R-=a;U[:R]=U[a:a+R]
def A1(d):
 if Y[0]!=250 or not Ax(12):return 0
 b,e,c=P('<HII',Y,2);a=12+(b&2047)
 if b&30720 or not 12<a<1037 or(not Ax(a)):return 0
 return a if _(U[12:a],_(U[:8],d))==c else 0
AT.collect()
#
def A3(e=0):
 global As,Az,At;k=AE.ticks_add(AE.ticks_ms(),e*1000)if e else 0
 while 1:
  Az=0
  if not Ax(1):
   At=0
   if e and AE.ticks_diff(k,AE.ticks_ms())<0:return None
   continue
  a=A1(Aq)
  if a:
   At=As=0;j,h,d=P('<BHI',Y,1)
   if not h>>15:return(b'',j,d,a)
   Ai(a);continue
  f=bytes(U[:3])if Y[0]in b'CSRDEP'and Ax(36)else b''
  if f in(b'SAF',b'SAR',b'RAF',b'RAR',b'CLS',b'DON',b'ERR',b'PIN',b'PON'):
   c,b,d=P('<HHQ',Y,4);g=Aq if c else 0
   if _(U[:32],g)==P('<I',Y,32)[0]:
    l=At
    if c:At=As=0
    i=bytes(U[16:32]);Ai(36)
    if b:
     a=Ax(1)and A1(g)
     if not a or a!=b+12:
      if LOSSY:continue
      raise SystemExit
     b=bytes(U[12:a]);Ai(a)
    if not l or c:return(f,c,d,i,b or b'')
    continue
  As=As+1 if Y[0]==3 else 0
  if not LOSSY or As>1040:raise SystemExit
  Ai(1);At=not(Az and(not R))
AT.collect()
#
def Ae(f,c,h,g,a=b''):
 d=~Ar&4294967295 if c else 0;b=E('<3sBHHQ16s',f,1,c,len(a),h,g);b+=E('<I',_(b,d))
 if a:e=E('<BBHI',250,c&255,len(a)|32768,0);b+=e+E('<I',_(a,_(e,d)))+a
 AA.write(b);return b
AT.collect()
#
class B(Exception):pass
AZ={1:4,2:3,13:4,17:5,20:6,21:5,28:10,30:4,36:9,39:28};Bi='read-only: eject its drive'
def A9(a):
 if isinstance(a,B):return(a.args[0],'')
 b=a.args[0]if isinstance(a,OSError)else 0;c=Bi if b==30 else''if b in AZ else repr(a);return(AZ.get(b,12),c)
def AW(c):
 d,e,a=c.partition(b'\x00');b={}
 while a:
  if len(a)<2 or len(a)<2+a[1]:raise B(8)
  if a[0]>127:
   if a[0]>129:raise B(20)
   b[a[0]]=a[2:2+a[1]]
  a=a[2+a[1]:]
 try:return(d.decode(),b)
 except UnicodeError:raise B(8)
def AB(a):
 for c in a.split('/'):
  if not 0<len(c.encode())<256 or c in('.','..'):raise B(8)
 if len(a.encode())>960 or any((b<' 'or'~'<b<'\xa0'for b in a)):raise B(8)
 if a.split('/')[-1]==AG:raise B(8)
 return a
def S(c):
 try:a=L.stat(c or L.getcwd())
 except OSError as b:
  if b.args[0]in(2,20):return(0,0,0)
  raise
 return(2 if a[0]&16384 else 1,a[6],a[8])
def AJ(b,c):
 a=S(b)
 if a[0]!=c:raise B((3,6,5)[a[0]]if a[0]else 3)
 return a
def AR(b):
 for a in getattr(L,'ilistdir',L.listdir)(b or L.getcwd()):
  a=a if isinstance(a,str)else a[0]
  if a!=AG:yield(a,S(b+'/'+a if b else a)[0])
def Bd(b):a=L.statvfs(b or L.getcwd());return(a[1]or a[0],)+a[1:5]
def AV(b):
 a=0
 while a>=0:
  a=b.find('/',a+1);d=b if a<0 else b[:a];c=S(d)[0]
  if c==1:raise B(6)
  if not c:L.mkdir(d)
def Ba(a):
 try:L.remove(a)
 except OSError:pass
def Bb(b,a):
 try:L.rename(b,a)
 except OSError:
  if S(b)[0]!=1 or S(a)[0]!=1:raise
  L.remove(a);L.rename(b,a)
AT.collect()
#
def AO(c,a):
 while a:
  b=c.readinto(Am[12:12+min(1024,a)])
  if not b:raise B(13)
  AH(Am[12:],b,Aa,Z);a-=b
def Bm(a):AI();AH(a,len(a),Aa,Z);return Ap()
def Bw(a):a=(a^a>>30)*13787848793156543929&Af;a=(a^a>>27)*10723151780598845931&Af;return a^a>>31
def A2(b,c):
 AI()
 with open(b,'rb')as a:AO(a,c)
 return Ap()
AT.collect()
#
def A5(e,a,g):
 for d,k in AR(e):
  c=e+'/'+d if e else d
  if k==2:
   f=i=0
   for j in A5(c,a,g):f+=1;i+=j
   b=E('<BQQ',2,i&Af,f)
  else:
   h=S(c)[1];b=E('<B',1|a<<4)
   if a&1:b+=E('<Q',h)
   if a&8:b+=E('<Q',A2(c,h))
  yield Bw(Bm(b+d.encode())^g*11400714819323198485&Af)
AT.collect()
#
def Bt(b):
 b.sort();a=b'\x00'
 for c in range(0,len(b),63):
  d=b[c:c+63];a+=E('<BB',5,4*len(d))
  for e in d:a+=E('<I',e)
 return a
def Bn(d,i,c):
 a,f,j,r,s=P('<BBBII',c,1);l=AJ(d,i)[1]
 if a&128 and i==2:k,m,n,m,p=Bd(d);return(k*p,E('<HBB4xQ',0,128,f,k*n),b'')
 a&=9
 if i==1:b=A2(d,l)if a&8 else 1<<63;return(l,E('<HBB4xQ',0,a,f,b),b'')
 h=e=0;g=[]
 for b in A5(d,a,s):
  if b>>64-j==r:
   h+=1;e+=b
   if I and(not LOSSY)and(len(c)==20)and(h<242):g.append((b<<j&Af)>>32)
 e&=Af;q=len(c)==20 and P('<Q',c,12)[0]==e;o=b''if q or not 0<len(g)<241 else Bt(g);return(h,E('<HBB4xQ',0,a,f,e),o)
AT.collect()
#
def By(a,g,c):
 f=c[0]
 if f==1 and len(c)in(12,20):return Bn(a,g,c)
 b=S(a)[0]
 if f==2 and a:
  if b:
   AJ(a,g)
   if g==2:
    for h in AR(a):raise B(28)
    Ba(a+'/'+AG);L.rmdir(a)
   else:L.remove(a)
 elif f==3 and a:
  d=Q+AB(str(c[1:],'utf-8'));e=S(d)[0]
  if not e and(not b):raise B(3)
  if e and d!=a:
   if b==2 or(b and e==2):raise B(5 if b==2 else 6)
   if a.startswith(d+'/'):raise B(8)
   Bb(d,a)
 else:raise B(20)
 return(0,A_,b'')
AT.collect()
#
D=J=H=Al=0;AD=Q='';F=None;Ak=0;Ay=None;I=X=M=Au=0;Ab=0;Aj,AQ=(0,b'')
def Ah(a):
 global D,F;D=0
 if F:
  F.close();F=None
  if not Ak and(not(a and H)):Ba(AX(AD))
def AX(a):b=a.rfind('/')+1;return a[:b]+AG
def Ac(b,a,e,c,d=b''):global Aj,AQ;Aj,AQ=(a,Ae(b,a,e,c,d))
def Ad(d,a):b,c=A9(a);Ac(b'ERR',d,0,E('<HHI8x',b,0,0),c.encode()[:200])
def Ag(b,a):return Ae(b'PON',b,a,E('<HH12x',1 if LOSSY else 8,C))
AT.collect()
#
def Bv(a,b):
 if b:AV(a)
 else:
  if S(a)[0]==2:raise B(5)
  if'/'in a:AV(a[:a.rfind('/')])
AT.collect()
#
def Bk(j,e,h,f):
 global D,J,H,Al,AD,F,Ak,Ay;c=e[-1:]=='/';b=Q+AB(e[:-1]if c else e);Bv(b,c)
 if h>>31:raise B(11)
 J,Al,AD,Ak,Ay,H=(h,f,b,0,None,0);AI()
 if not c:
  d=AX(b);g,a=(d,S(d)[1])
  if not f or a>J:a=0
  elif J and S(b)[:2]==(1,J):g,a,Ak=(b,J,1)
  elif a!=J:a&=~1023
  i=Bd(b[:max(b.rfind('/'),0)])
  if not Ak and i[0]*i[4]<J-a:raise B(10)
  if a:F=open(g,'rb'if Ak else'r+b');AO(F,a);H=a
  else:F=open(d,'wb')
 D=j
 if H:Ay=E('<HHQI',32776 if not LOSSY else 32769,C,Ap(),0)
 Ao()
def Ao():
 if Ay:Ae(b'PON',D,H,Ay)
 elif LOSSY:Ag(D,H)
def BF(d,b):
 global H;c=H-d&4294967295;b-=12
 if c<b and H<J:
  a=U[12+c:12+b];F.write(a);AH(a,len(a),Aa,Z);H+=len(a)
  if not H&65535:F.flush()
def Bp(a,c,b):
 global M
 if c!=J or(H!=J and(not LOSSY)):raise B(16)
 if H!=J:Ag(a,H);return
 if Ap()!=P('<Q',b,8)[0]:
  if Al:M+=1
  Ah(0);Ad(a,B(15));return
 if F:
  F.close()
  if not Ak:Bb(AX(AD),AD)
 Bu()
 if LOSSY or not I:Ac(b'DON',a,c,b)
def Bu():global D,F;D,F=(0,None)
def AS(b,a):
 c=A9(a)[0]
 if b==D:Ah(c not in(10,11,13,14,15))
 Ad(b,a)
AT.collect()
#
def Bx(b,e,c,h):
 global C,M,X
 if not I:
  if D:return
  if not M:C=0
  M=0
 elif D:AS(D,B(16))
 if I:X+=1
 try:
  a,f=AW(h)
  if 128 in f:d=a==''or a[-1]=='/';a=a[:-1]if a and d else a;i=Q+AB(a)if a else Q[:-1];Ac(b'DON',b,*By(i,2 if d else 1,f[128]));return
  if I and M and(not e)and P('<Q',c)[0]:M-=1
  Bk(b,a,P('<Q',c)[0],e)
 except Exception as g:Ah(1);Ad(b,g)
AT.collect()
#
def Bl(b,d):
 global I,Q,X,M,Au,C,Ab
 if I:raise SystemExit
 if D:return
 C=X=M=0;Au=-1
 try:
  a=AW(d)[0]
  if a:AV(AB(a))
  Q=a+'/'if a else'';I=b
  if LOSSY:Ag(b,0)
 except Exception as c:Ad(b,c);Ab=0 if LOSSY else b
def Bo(b,a,c):
 global I,Q,Au
 if D:AS(D,B(16))
 if a==X and M and(Au in(-1,C)):Au=C;Ag(b,X);return
 I,Q=(0,'')
 if a==X:Ac(b'DON',b,a,c)
 else:Ad(b,B(16))
def Bs(b,c):
 global I,Q,M;a=c[0]|c[1]<<8
 if b==D:
  if a in(14,15)and Al:M+=1
  Ah(a not in(10,11,13,14,15))
 elif b==I:Ah(1);I,Q=(0,'')
 if LOSSY:Ad(b,B(a))
def AU(e):
 global Ar,Aq,C,I,Q,Ab,Aj,Av,M,AP;a,i,f,d,g,b,d,c=P('<IBBHHBBH',e)
 if not a:return 0
 if a!=Ar:Ah(1);Ar=Aq=a;C=I=Ab=Aj=M=0;Q='';AT.collect()
 Av=min(1024,g)&-(256<<b)
 if Av and b<3 and i and c:AP=min(c,8);h=E('<IBBHHBBHH',a,1,f|LOSSY|2,0,Av,b,0,1 if LOSSY else 8,0);Ae(b'PON',0,0,h)
 else:Ae(b'ERR',0,0,E('<HHI8x',20,0,a))
 return 1
AT.collect()
#
class AF(Exception):pass
N=An=AP=W=O=0;K=0
def V(j,h):
 global An,W;d=1;i=0
 while 1:
  f=A3(d if LOSSY else 0)
  if f is None:
   if i>15:raise AF
   i+=1;d=min(4,2*d);AA.write(h);continue
  b,c,g,a=f[:4]
  if not b:Ai(a)
  elif not c and b==b'PIN':
   if P('<I',a)[0]!=Ar:AU(a);raise AF
   if LOSSY:AA.write(h)
   else:AU(a)
  elif b in(b'PON',b'DON'):
   e=P('<H',a,2 if b==b'PON'else 0)[0]
   if b==b'PON':W=a[0]|(a[1]&127)<<8
   if N-e&65535<=N-An&65535:An=e
   if c in j and(b==b'DON'or W):return(b,c,g,a)
  elif b==b'ERR':
   if c==O:
    if AM and(not LOSSY):Ae(b'ERR',O,0,E('<H14x',a[0]|a[1]<<8))
    raise AF
   if c in j:return(b,c,g,a)
def BC():return N-An&65535<min(8,W)
def AL(b):
 a=None
 while not BC()and(not(a and a[0]==b'ERR')):c=Ae(b'PIN',b,0,E('<H14x',N));a=V((b,O),c)
 return a
def Aw(a,e,d,b,c=b''):global N;N=N+1&65535;return Ae(a,e,d,b,c)
def Br(d,c,a):global N;AY[:8]=E('<BBHI',250,d&255,a,c&4294967295);b=_(Am[12:12+a],_(Am[:8],~Ar&4294967295));AY[8:12]=E('<I',b);N=N+1&65535;AA.write(Am[:12+a])
def A4(b,c,a):
 d=Aw(b'ERR',b,c,E('<H14x',a))
 if LOSSY:V((b,),d)
 return a
def A8(a):return a[3][0]|a[3][1]<<8 if a and a[0]==b'ERR'else 0
class Bh:
 def __enter__(a):return a
 def __exit__(b,*a):pass
AT.collect()
#
def AK(o,n,r,i,q):
 global K;p,f,j=S(o)
 if not i or K:
  K=K%65535+1
  if i and K==O:K=K%65535+1
 c=K
 if p==2:f=0;n+='/'
 j=(j+Bg)*1000000000 if j>0 else-1<<63
 if i:AL(O)
 k=Aw(b'SAF',c,f if q else 0,E('<Qq',f,j),n.encode());b=V((c,),k)if LOSSY else None
 if r or(b and b[0]==b'ERR'):return A8(b)
 AI();a=d=0
 with open(o,'rb')if p==1 else Bh()as g:
  while 1:
   if b:
    l,s,h,m=b
    if l==b'ERR':return A8(b)
    if l==b'DON':return 0
    if m[1]&128:
     if h>d:
      g.seek(d);AO(g,h-d);a=d=h
      if Ap()!=P('<Q',m,4)[0]:return A4(c,a,14)
      g.seek(a)
    elif LOSSY and h<a:a=h;g.seek(a)
   b=None
   if a<f:
    b=AL(c)
    if b:continue
    e=g.readinto(Am[12:12+min(Av,f-a)])
    if not e:return A4(c,a,13)
    if a+e>d:AH(Am[12+d-a:],a+e-d,Aa,Z);d=a+e
    Br(c,a,e);a+=e;continue
   b=AL(c)
   if b:continue
   k=Aw(b'DON',c,f,E('<H6xQ',N+1&65535,Ap()))
   if i and(not LOSSY):return 0
   b=V((c,),k)
AT.collect()
#
def Bf(b,a,c):
 for d,f in AR(b+a[:-1]if a else b[:-1]):
  yield(a+d)
  if f==2 and c!=1:
   for e in Bf(b,a+d+'/',c-1):yield e
def BA(d,g,h):
 global K,O,AM;f=d+'/'if d else'';c,b=(0,[]);e=Aw(b'SAR',O,0,b'\xff'*16,d.encode())
 if LOSSY:V((O,),e)
 AM=1
 for a in Bf(f,'',h):
  c+=1
  if AK(f+a,a,g,1,1)==14:b.append(a)
 while 1:
  for a in b:c+=1;AK(f+a,a,g,1,0)
  b=[];AL(O);e=Aw(b'DON',O,c,E('<H14x',N+1&65535));i=V((O,),e)
  if i[0]==b'DON':return
AT.collect()
#
def BB(e,d,f,h):
 global O,K,N,An,W,AM,Aj;O=K=d;Aj=0;N=An=AM=0;W=AP;b=f[0]&1
 try:
  a,i=AW(h);c=i.get(129,A_[:3])
  if c[0]or c[2:]>b'\x03':raise B(20)
  if a:AB(a)
  if e==b'RAR':AJ(a,2);BA(a,b,c[1]);return
  AJ(a,1);O=0;K=d-1
  if AK(a,a,b,0,1)==14:AK(a,a,b,0,0)
 except AF:pass
 except Exception as g:Ad(d,g)
AT.collect()
#
def Bj(b,a,d,c,e=b''):
 global C,Ab
 if not b:
  if D and a==D&255 and F:BF(d,c)
  Ai(c)
 elif not a:
  if b==b'PIN':AU(c)
 elif Ab:
  if b==b'PIN':C=c[0]|c[1]<<8;Ag(a,0)
  elif a==Ab and b in(b'DON',b'ERR'):Ab=0
 elif b==b'PON':pass
 elif LOSSY and a==Aj and(a not in(D,I)):AA.write(AQ)
 elif b==b'SAF':
  if a==D:Ao()
  else:Bx(a,d,c,e)
 elif b==b'SAR':
  if a==I:Ag(a,X)
  else:Bl(a,e)
 elif b==b'ERR':Bs(a,c)
 elif b==b'PIN'or b==b'DON':
  if D or I:C=c[0]|c[1]<<8
  if b==b'PIN':
   if D or I:Ag(a,H if a==D else X)
  elif a==D:Bp(a,d,c)
  elif a==I:Bo(a,d,c)
 elif not D and(not I):
  if b==b'CLS':Ad(a,B(19))
  else:BB(b,a,c,e)
AT.collect()
#
def BE():
 while 1:
  a=A3()
  try:Bj(*a)
  except Exception as b:
   if not a[0]:Ai(a[3])
   AS(D or I,b)
def Bq():
 c,b=(AT.collect,BEFORE)
 for a in list(globals()):
  if a not in b:del globals()[a]
 c()
AT.collect()
#
print('tinyferry ready')
try:BE()
except SystemExit:pass
finally:Ah(1);micropython.kbd_intr(3);Bq()
